// BATCH_MATMUL of two int8 tensors, either of which may be a constant.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/requantize.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<BatchMatmulParameters>();
  if (!check.has(2, 1) || p.batch_rank > kBatchRankMax || p.rows == 0 || p.columns == 0 || p.depth == 0 ||
      p.shift < -31 || p.shift > 30) {
    return false;
  }
  Axis axes[kLoopRankMax];
  std::uint32_t rank = 0;
  for (; rank < p.batch_rank; ++rank) axes[rank] = p.batches[rank];
  axes[rank++] = {p.rows, {p.row_stride, 0}};
  axes[rank++] = {p.columns, {0, p.column_stride}};
  const std::uint64_t count = position_count(axes, rank, check.output_bytes());
  if (count == 0 || count != check.output_bytes()) return false;
  axes[rank++] = {p.depth, {p.depth_strides[0], p.depth_strides[1]}};
  return stays_inside(axes, rank, 0, 0, check.input_bytes(0)) &&
         stays_inside(axes, rank, 1, 0, check.input_bytes(1));
}

std::int8_t product(const BatchMatmulParameters& p, const std::int8_t* a, const std::int8_t* b) {
  std::int32_t sum = 0;
  for (std::uint32_t i = 0; i < p.depth; ++i, a += p.depth_strides[0], b += p.depth_strides[1])
    sum = wrapping_add(sum, (*a - p.zero_points[0]) * (*b - p.zero_points[1]));
  const std::int32_t value = multiply_by_quantized_multiplier(sum, p.multiplier, p.shift);
  return clamp_to_int8(wrapping_add(value, p.output_zero_point), INT8_MIN, INT8_MAX);
}

void run(const KernelCall& call) {
  const auto& p = call.as<BatchMatmulParameters>();
  StridedLoop loop(p.batches, p.batch_rank);
  std::int8_t* out = call.output();
  do {
    const std::int8_t* a = call.input(0) + loop.offset(0);
    for (std::uint32_t row = 0; row < p.rows; ++row, a += p.row_stride) {
      const std::int8_t* b = call.input(1) + loop.offset(1);
      for (std::uint32_t column = 0; column < p.columns; ++column, b += p.column_stride)
        *out++ = product(p, a, b);
    }
  } while (loop.next());
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_batch_matmul = {
    sotto::device::KernelKind::kBatchMatmul, sotto::device::Layout::kPlain,
    sizeof(sotto::device::BatchMatmulParameters), sotto::device::portable::check,
    sotto::device::portable::run};
