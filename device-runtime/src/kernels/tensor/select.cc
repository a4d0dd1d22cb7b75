// SELECT and SELECT_V2: of two tensors the one that a tensor of truth values chooses, element by element.
#include "kernels/copy_bytes.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {
namespace {

// The axes of the second choice, whose strides stand apart.
struct OtherAxes {
  Axis axes[kImageRankMax];

  explicit OtherAxes(const SelectParameters& p) : axes{} {
    for (std::uint32_t i = 0; i < p.rank; ++i) axes[i] = {p.axes[i].count, {p.other_strides[i], 0}};
  }
};

bool check(const KernelCheck& check) {
  const auto& p = check.as<SelectParameters>();
  if (!check.has(3, 1) || p.rank == 0 || p.rank > kImageRankMax || p.element_bytes == 0) return false;
  const OtherAxes others(p);
  const std::uint64_t count = position_count(p.axes, p.rank, check.output_bytes());
  const auto elements = [&](std::uint32_t input) { return check.input_bytes(input) / p.element_bytes; };
  return count != 0 && count * p.element_bytes == check.output_bytes() &&
         stays_inside(p.axes, p.rank, 0, 0, check.input_bytes(0)) &&
         stays_inside(p.axes, p.rank, 1, 0, elements(1)) &&
         stays_inside(others.axes, p.rank, 0, 0, elements(2));
}

void run(const KernelCall& call) {
  const auto& p = call.as<SelectParameters>();
  const OtherAxes others(p);
  StridedLoop loop(p.axes, p.rank);
  StridedLoop other(others.axes, p.rank);
  std::int8_t* out = call.output();
  const auto bytes = static_cast<std::int32_t>(p.element_bytes);
  do {
    const bool first = call.input(0)[loop.offset(0)] != 0;
    const std::int8_t* from =
        first ? call.input(1) + loop.offset(1) * bytes : call.input(2) + other.offset(0) * bytes;
    copy_bytes(out, from, p.element_bytes);
    out += p.element_bytes;
    other.next();
  } while (loop.next());
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_select = {
    sotto::device::KernelKind::kSelect, sotto::device::Layout::kPlain,
    sizeof(sotto::device::SelectParameters), sotto::device::portable::check, sotto::device::portable::run};
