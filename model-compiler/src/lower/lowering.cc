#include "lower/lowering.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "lower/tensor_lowering.h"
#include "operators.h"
#include "sotto/base/check.h"

namespace sotto::model_compiler {
namespace {

// Far above any flash; operators that share weights cannot make a small file a huge image.
constexpr std::size_t kImageBytesMax = 64u << 20;

std::string describe(const Operator& op) {
  return fmt::format("operator {}, {} version {}", op.index, operator_text(op), op.version);
}

// "; it writes tensor 7 "dense/softmax"", so that a user finds the layer.
std::string written_by(const Graph& graph, const Operator& op) {
  if (op.outputs.empty()) return "";
  const auto output = static_cast<std::size_t>(op.outputs[0]);
  return fmt::format("; it writes tensor {} \"{}\"", output, printable(graph.tensors[output].name));
}

Status not_supported(const Graph& graph, const Operator& op) {
  return invalid_argument(describe(op) + " is not supported" + written_by(graph, op));
}

Status lower_one(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const OperatorRow* row = find_operator(op.code);
  if (row == nullptr || row->lower == nullptr) {
    return not_supported(lowering.graph, op);
  }
  if (op.version > row->version_max) {
    return invalid_argument(describe(op) + " is not supported, versions to " +
                            std::to_string(row->version_max) + " are" + written_by(lowering.graph, op));
  }
  lowered.source_operator = static_cast<std::uint16_t>(op.code);
  lowered.source_index = static_cast<std::uint16_t>(op.index);
  const Status status = row->lower(op, lowering, lowered);
  if (!status.ok()) return status.with_context(describe(op));
  if (!lowering.graph.file->ok())
    return invalid_argument(describe(op) + ": its options lead out of the file");
  SOTTO_CHECK(std::find(row->kernels.begin(), row->kernels.end(), lowered.kernel->kind) !=
              row->kernels.end());
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

Status Lowering::refuse_type(std::uint32_t index) const {
  const char* advice = "INT8 is supported: convert the model with full integer quantisation";
  if (tensor(index).type == TensorType::kUint8) {
    advice =
        "the model is quantised to unsigned 8 bits, as converters did before 2020; INT8 is supported: "
        "convert "
        "it again with full integer quantisation to int8";
  } else if (tensor(index).type == TensorType::kInt16) {
    advice =
        "16-bit activations (int16x8) are not supported, INT8 is: convert the model with full integer "
        "quantisation to int8";
  }
  return refuse(index, fmt::format("its type is {}; {}", tensor_type_name(tensor(index).type), advice));
}

Status Lowering::require_int8_activation(std::uint32_t index) const {
  const Tensor& t = tensor(index);
  if (t.type != TensorType::kInt8) return refuse_type(index);
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

Status check_operators(const Graph& graph) {
  for (const Operator& op : graph.operators) {
    if (find_operator(op.code) == nullptr) return not_supported(graph, op);
  }
  if (graph.subgraph_count == 1 + graph.initialisers.size()) return {};
  return invalid_argument(fmt::format(
      "the .tflite file has {} subgraphs, and no operator of the first runs {} of them: convert the "
      "model with one signature",
      graph.subgraph_count, graph.subgraph_count - 1 - graph.initialisers.size()));
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
