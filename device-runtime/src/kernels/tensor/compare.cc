// EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS and LESS_EQUAL of two int8 tensors.
#include "kernels/tensor/pairwise.h"

namespace sotto::device::portable {
namespace {

constexpr std::int32_t kLeftShift = 8;

bool check(const KernelCheck& check) {
  const auto& p = check.as<CompareParameters>();
  const auto is_right = [](std::int8_t shift) { return shift >= -31 && shift <= 0; };
  return check.has(2, 1) && p.comparison <= Comparison::kLessEqual && p.rank != 0 &&
         p.rank <= kImageRankMax && is_right(p.shifts[0]) && is_right(p.shifts[1]) &&
         position_count(p.axes, p.rank, check.output_bytes()) == check.output_bytes() &&
         check.output_bytes() != 0 && stays_inside(p.axes, p.rank, 0, 0, check.input_bytes(0)) &&
         stays_inside(p.axes, p.rank, 1, 0, check.input_bytes(1));
}

bool holds(Comparison comparison, std::int32_t a, std::int32_t b) {
  switch (comparison) {
    case Comparison::kEqual:
      return a == b;
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterEqual:
      return a >= b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessEqual:
      return a <= b;
  }
  return false;
}

void run(const KernelCall& call) {
  const auto& p = call.as<CompareParameters>();
  const auto scaled = [&p](std::int8_t value, int i) {
    return multiply_by_quantized_multiplier((value - p.zero_points[i]) * (1 << kLeftShift), p.multipliers[i],
                                            p.shifts[i]);
  };
  StridedLoop loop(p.axes, p.rank);
  std::int8_t* out = call.output();
  do {
    const std::int32_t a = scaled(call.input(0)[loop.offset(0)], 0);
    const std::int32_t b = scaled(call.input(1)[loop.offset(1)], 1);
    *out++ = holds(p.comparison, a, b) ? 1 : 0;
  } while (loop.next());
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_compare = {
    sotto::device::KernelKind::kCompare, sotto::device::Layout::kPlain,
    sizeof(sotto::device::CompareParameters), sotto::device::portable::check, sotto::device::portable::run};
