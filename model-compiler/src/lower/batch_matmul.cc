// BATCH_MATMUL: transposed operands are read where they lie.
#include <algorithm>

#include "lower/tensor_lowering.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "tensor/axes.h"
#include "tensor/operands.h"
#include "tensor/shape_rules.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kBoth[] = {0, 1};
constexpr std::uint32_t kDepthMax = 65536;

// One operand as rows and columns, whatever the file calls them.
struct Matrix {
  std::uint32_t rows = 0, columns = 0;
  std::int32_t row_stride = 0, column_stride = 0;
  Shape batches;
};

Matrix matrix_of(const Shape& shape, bool transposed) {
  const std::uint32_t rows = shape[shape.size() - 2];
  const std::uint32_t columns = shape.back();
  Matrix matrix{rows, columns, static_cast<std::int32_t>(columns), 1, {shape.begin(), shape.end() - 2}};
  if (!transposed) return matrix;
  std::swap(matrix.rows, matrix.columns);
  std::swap(matrix.row_stride, matrix.column_stride);
  return matrix;
}

struct Matrices {
  Matrix a, b;
  Shape batches;
};

Result<Matrices> matrices_of(const Graph& graph, const Operator& op) {
  const auto a = input_shape(graph, op, 0);
  const auto b = input_shape(graph, op, 1);
  if (!a) return a.error();
  if (!b) return b.error();
  if ((*a)->size() < 2 || (*b)->size() < 2) return invalid_argument("an input has fewer than two dimensions");
  Matrices matrices{matrix_of(**a, op.options.scalar<std::uint8_t>(slot::kMatmulTransposeA, 0) != 0),
                    matrix_of(**b, op.options.scalar<std::uint8_t>(slot::kMatmulTransposeB, 0) != 0),
                    {}};
  auto batches = broadcast(matrices.a.batches, matrices.b.batches);
  if (!batches || matrices.a.columns != matrices.b.rows)
    return invalid_argument("its inputs' shapes do not fit each other");
  matrices.batches = std::move(*batches);
  return matrices;
}

}  // namespace

Shapes batch_matmul_shapes(const Graph& graph, const Operator& op) {
  const auto matrices = matrices_of(graph, op);
  if (!matrices) return matrices.error();
  Shape shape = matrices->batches;
  shape.push_back(matrices->a.rows);
  shape.push_back(matrices->b.columns);
  return std::vector<Shape>{std::move(shape)};
}

Status lower_batch_matmul(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kBoth);
  if (!operands) return operands.error();
  const std::uint32_t out = operands->outputs[0];
  for (const std::uint32_t tensor : {operands->inputs[0], operands->inputs[1], out})
    SOTTO_RETURN_IF_ERROR(require_quantized(lowering, tensor));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const auto matrices = matrices_of(lowering.graph, op);
  if (!matrices) return matrices.error();
  const Tensor& a = lowering.tensor(operands->inputs[0]);
  const Tensor& b = lowering.tensor(operands->inputs[1]);
  const Tensor& output = lowering.tensor(out);
  device::BatchMatmulParameters p{};
  p.rows = matrices->a.rows;
  p.columns = matrices->b.columns;
  p.depth = matrices->a.columns;
  if (p.depth > kDepthMax || matrices->batches.size() > device::kBatchRankMax)
    return lowering.refuse(out, "it is of too long sums or too many dimensions");
  p.row_stride = matrices->a.row_stride;
  p.column_stride = matrices->b.column_stride;
  p.depth_strides[0] = matrices->a.column_stride;
  p.depth_strides[1] = matrices->b.row_stride;
  // The product of scales in single precision, as the reference kernel has it.
  const auto multiplier = multiplier_of(double{scale_of(a) * scale_of(b)} / double{scale_of(output)});
  if (!multiplier) return multiplier.error();
  p.multiplier = multiplier->multiplier;
  p.shift = multiplier->shift;
  p.zero_points[0] = static_cast<std::int8_t>(zero_point_of(a));
  p.zero_points[1] = static_cast<std::int8_t>(zero_point_of(b));
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  std::vector<device::Axis> axes =
      broadcast_axes(matrices->batches, matrices->a.batches, matrices->b.batches);
  for (device::Axis& axis : axes) {
    axis.strides[0] *= static_cast<std::int32_t>(p.rows * p.depth);
    axis.strides[1] *= static_cast<std::int32_t>(p.columns * p.depth);
  }
  p.batch_rank = static_cast<std::uint8_t>(axes.size());
  std::copy(axes.begin(), axes.end(), p.batches);
  lowered.multiply_accumulates = saturated_product(output.elements, p.depth);
  return set_kernel(lowering, lowered, device::KernelKind::kBatchMatmul, p, *operands);
}

}  // namespace sotto::model_compiler
