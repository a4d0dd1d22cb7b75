// MEAN, SUM, REDUCE_MAX and REDUCE_MIN.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/requantize.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {
namespace {

// Sums of this many int8 values stay below 2^30.
constexpr std::uint64_t kReducedMax = std::uint64_t{1} << 23;

bool check(const KernelCheck& check) {
  const auto& p = check.as<ReduceParameters>();
  if (!check.has(1, 1) || p.operation < ReduceOperation::kSum || p.operation > ReduceOperation::kMinimum ||
      p.kept_rank > kReduceRankMax || p.reduced_rank > kReduceRankMax || p.shift < -31 || p.shift > 30) {
    return false;
  }
  const std::uint64_t kept = position_count(p.kept, p.kept_rank, check.output_bytes());
  const std::uint64_t reduced = position_count(p.reduced, p.reduced_rank, kReducedMax);
  if (kept == 0 || kept != check.output_bytes() || reduced == 0 || kept * reduced > check.input_bytes(0))
    return false;
  // One nest of loops from here on: the reduced axes begin where the kept ones have led.
  Axis axes[2 * kReduceRankMax];
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < p.kept_rank; ++i) axes[rank++] = p.kept[i];
  for (std::uint32_t i = 0; i < p.reduced_rank; ++i) axes[rank++] = p.reduced[i];
  return stays_inside(axes, rank, 0, 0, check.input_bytes(0));
}

template <ReduceOperation kOperation>
std::int32_t reduced(const ReduceParameters& p, const std::int8_t* in) {
  StridedLoop loop(p.reduced, p.reduced_rank);
  std::int32_t result = kOperation == ReduceOperation::kSum ? 0 : *in;
  do {
    const std::int32_t value = in[loop.offset(0)];
    if constexpr (kOperation == ReduceOperation::kSum) {
      result += value;
    } else if (kOperation == ReduceOperation::kMaximum ? value > result : value < result) {
      result = value;
    }
  } while (loop.next());
  return result;
}

template <ReduceOperation kOperation>
void run_as(const KernelCall& call) {
  const auto& p = call.as<ReduceParameters>();
  StridedLoop loop(p.kept, p.kept_rank);
  std::int8_t* out = call.output();
  do {
    std::int32_t value = reduced<kOperation>(p, call.input(0) + loop.offset(0));
    if constexpr (kOperation == ReduceOperation::kSum) {
      value =
          wrapping_add(multiply_by_quantized_multiplier(wrapping_add(value, p.bias), p.multiplier, p.shift),
                       p.output_zero_point);
    }
    *out++ = clamp_to_int8(value, INT8_MIN, INT8_MAX);
  } while (loop.next());
}

void run(const KernelCall& call) {
  switch (call.as<ReduceParameters>().operation) {
    case ReduceOperation::kSum:
      return run_as<ReduceOperation::kSum>(call);
    case ReduceOperation::kMaximum:
      return run_as<ReduceOperation::kMaximum>(call);
    case ReduceOperation::kMinimum:
      return run_as<ReduceOperation::kMinimum>(call);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_reduce = {
    sotto::device::KernelKind::kReduce, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ReduceParameters), sotto::device::portable::check, sotto::device::portable::run};
