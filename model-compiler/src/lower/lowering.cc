#include "lower/lowering.h"

#include <fmt/core.h>

#include <cmath>

#include "lower/tensor_lowering.h"
#include "tensor/schema.h"

namespace sotto::model_compiler {
namespace {

// Far above any flash; operators that share weights cannot make a small file a huge image.
constexpr std::size_t kImageBytesMax = 64u << 20;

struct SupportedOperator {
  std::int32_t code;
  std::int32_t version_max;  // newer ones may mean something else
  LowerFunction lower;
};

constexpr SupportedOperator kLowerings[] = {
    {builtin::kAbs, 5, lower_lookup},
    {builtin::kAdd, 5, lower_add},
    {builtin::kArgMax, 3, lower_arg_max},
    {builtin::kArgMin, 3, lower_arg_max},
    {builtin::kAveragePool2d, 3, lower_average_pool_2d},
    {builtin::kBatchToSpaceNd, 4, lower_rearrangement},
    {builtin::kConcatenation, 4, lower_rearrangement},
    {builtin::kConv2d, 8, lower_conv_2d},
    {builtin::kDepthToSpace, 2, lower_rearrangement},
    {builtin::kDepthwiseConv2d, 7, lower_depthwise_conv_2d},
    {builtin::kDequantize, 6, lower_dequantize},
    {builtin::kElu, 1, lower_lookup},
    {builtin::kExpandDims, 1, lower_reshape},
    {builtin::kFullyConnected, 14, lower_fully_connected},
    {builtin::kGelu, 2, lower_lookup},
    {builtin::kHardSwish, 1, lower_lookup},
    {builtin::kLeakyRelu, 2, lower_lookup},
    {builtin::kLogistic, 3, lower_lookup},
    {builtin::kMaximum, 4, lower_broadcast},
    {builtin::kMaxPool2d, 3, lower_max_pool_2d},
    {builtin::kMean, 3, lower_reduction},
    {builtin::kMinimum, 4, lower_broadcast},
    {builtin::kMul, 7, lower_broadcast},
    {builtin::kPack, 4, lower_rearrangement},
    {builtin::kPad, 4, lower_rearrangement},
    {builtin::kPadV2, 4, lower_rearrangement},
    {builtin::kPrelu, 1, lower_broadcast},
    {builtin::kQuantize, 4, lower_quantize},
    {builtin::kReduceMax, 3, lower_reduction},
    {builtin::kReduceMin, 3, lower_reduction},
    {builtin::kRelu, 3, lower_lookup},
    {builtin::kRelu0To1, 1, lower_lookup},
    {builtin::kRelu6, 3, lower_lookup},
    {builtin::kReluN1To1, 3, lower_lookup},
    {builtin::kReshape, 1, lower_reshape},
    {builtin::kResizeNearestNeighbor, 4, lower_resize_nearest},
    {builtin::kSlice, 6, lower_rearrangement},
    {builtin::kSoftmax, 3, lower_softmax},
    {builtin::kSpaceToBatchNd, 4, lower_rearrangement},
    {builtin::kSpaceToDepth, 2, lower_rearrangement},
    {builtin::kSplit, 4, lower_rearrangement},
    {builtin::kSplitV, 2, lower_rearrangement},
    {builtin::kSqueeze, 2, lower_reshape},
    {builtin::kStridedSlice, 8, lower_rearrangement},
    {builtin::kSub, 5, lower_broadcast},
    {builtin::kSum, 2, lower_reduction},
    {builtin::kTanh, 3, lower_lookup},
    {builtin::kTile, 3, lower_rearrangement},
    {builtin::kTranspose, 6, lower_rearrangement},
    {builtin::kUnpack, 4, lower_rearrangement},
};

std::string describe(const Operator& op) {
  std::string name = builtin_operator_name(op.code);
  if (op.code == builtin::kCustom) name += " (" + printable(op.custom_code) + ")";
  return fmt::format("operator {}, {} version {}", op.index, name, op.version);
}

const SupportedOperator* find(std::int32_t code) {
  for (const SupportedOperator& supported : kLowerings) {
    if (supported.code == code) return &supported;
  }
  return nullptr;
}

// "; it writes tensor 7 "dense/softmax"", so that a user finds the layer.
std::string written_by(const Graph& graph, const Operator& op) {
  if (op.outputs.empty()) return "";
  const auto output = static_cast<std::size_t>(op.outputs[0]);
  return fmt::format("; it writes tensor {} \"{}\"", output, printable(graph.tensors[output].name));
}

Status lower_one(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const SupportedOperator* supported = find(op.code);
  if (supported == nullptr) {
    return invalid_argument(describe(op) + " is not supported" + written_by(lowering.graph, op));
  }
  if (op.version > supported->version_max) {
    return invalid_argument(fmt::format("{} is not supported, versions to {} are{}", describe(op),
                                        supported->version_max, written_by(lowering.graph, op)));
  }
  lowered.source_operator = static_cast<std::uint16_t>(op.code);
  lowered.source_index = static_cast<std::uint16_t>(op.index);
  const Status status = supported->lower(op, lowering, lowered);
  if (!status.ok()) return status.with_context(describe(op));
  if (!lowering.graph.file->ok())
    return invalid_argument(describe(op) + ": its options lead out of the file");
  return {};
}

Result<std::uint32_t> operand(const std::vector<std::int32_t>& operands, std::uint32_t i, const char* what) {
  if (i >= operands.size() || operands[i] == kAbsentTensor) {
    return invalid_argument(fmt::format("{} {} is absent", what, i));
  }
  return static_cast<std::uint32_t>(operands[i]);
}

}  // namespace

Result<std::uint32_t> Lowering::input(const Operator& op, std::uint32_t i) const {
  return operand(op.inputs, i, "input");
}

Result<std::uint32_t> Lowering::output(const Operator& op, std::uint32_t i) const {
  return operand(op.outputs, i, "output");
}

Status Lowering::refuse(std::uint32_t index, const std::string& why) const {
  return invalid_argument(fmt::format("tensor {} \"{}\": {}", index, printable(tensor(index).name), why));
}

Status Lowering::require_int8_activation(std::uint32_t index) const {
  const Tensor& t = tensor(index);
  if (t.type != TensorType::kInt8) {
    return refuse(index, std::string("its type is ") + tensor_type_name(t.type) +
                             "; INT8 is supported: convert the model with full integer quantisation");
  }
  if (t.is_constant()) return refuse(index, "it is a constant where a computed tensor is expected");
  const Quantization& q = t.quantization;
  if (q.scales.size() != 1 || q.zero_points.size() > 1) {
    return refuse(index, fmt::format("it has {} scales; an activation has one", q.scales.size()));
  }
  if (!(q.scales[0] > 0) || !std::isfinite(q.scales[0]))
    return refuse(index, "its scale is no positive number");
  if (!q.zero_points.empty() && (q.zero_points[0] < -128 || q.zero_points[0] > 127)) {
    return refuse(index, "its zero point is outside int8");
  }
  return {};
}

Result<const KernelPlan*> Lowering::kernel(device::KernelKind kind) const {
  const KernelPlan* plan = find_kernel_plan(target, kind);
  if (plan == nullptr) return invalid_argument("the target has no kernel for it; the portable target has");
  return plan;
}

LoweredOperand Lowering::arena_operand(std::uint32_t index) const {
  return {device::Place::kArena, index, 0, tensor(index).bytes};
}

Result<std::vector<LoweredOperator>> lower(const Graph& graph, Target target, ImageBuilder& image) {
  Lowering lowering(graph, target, image);
  std::vector<LoweredOperator> operators(graph.operators.size());
  for (std::size_t i = 0; i < operators.size(); ++i) {
    SOTTO_RETURN_IF_ERROR(lower_one(graph.operators[i], lowering, operators[i]));
    if (image.bytes() > kImageBytesMax) return invalid_argument("the image would be larger than 64 MiB");
  }
  return operators;
}

}  // namespace sotto::model_compiler
