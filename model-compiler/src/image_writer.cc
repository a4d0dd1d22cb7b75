#include "image_writer.h"

#include <fmt/core.h>

#include <algorithm>

#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint32_t kRecordAlignment = 4;

std::optional<device::ImageType> image_type(TensorType type) {
  switch (type) {
    case TensorType::kInt8:
      return device::ImageType::kInt8;
    case TensorType::kUint8:
      return device::ImageType::kUint8;
    case TensorType::kInt16:
      return device::ImageType::kInt16;
    case TensorType::kInt32:
      return device::ImageType::kInt32;
    case TensorType::kFloat32:
      return device::ImageType::kFloat32;
    case TensorType::kInt64:
      return device::ImageType::kInt64;
    case TensorType::kBool:
      return device::ImageType::kBool;
    default:
      return std::nullopt;
  }
}

class ImageWriter {
 public:
  ImageWriter(const LoweredModel& model, ImageBuilder& builder) : model_(model), builder_(builder) {}

  Result<CompiledModel> write(std::uint32_t source_crc32) {
    device::ImageHeader header{};
    header.version = device::kImageVersion;
    SOTTO_RETURN_IF_ERROR(write_tensors(header));
    SOTTO_RETURN_IF_ERROR(write_operators(header));
    SOTTO_RETURN_IF_ERROR(write_head(header));
    header.state_bytes = device::kStateBytes;
    header.activation_bytes = align(model_.arena.plan.bytes);
    header.arena_bytes = header.state_bytes + header.activation_bytes;
    header.activation_lower_bound_bytes = model_.arena.plan.lower_bound_bytes;
    header.max_live_bytes = model_.arena.plan.max_live_bytes;
    header.source_crc32 = source_crc32;
    CompiledModel compiled;
    compiled.image = builder_.finish(header);
    compiled.report = report(header);
    compiled.report.image_bytes = static_cast<std::uint32_t>(compiled.image.size());
    return compiled;
  }

 private:
  static std::uint32_t align(std::uint32_t bytes) {
    return (bytes + device::kActivationAlignment - 1) / device::kActivationAlignment *
           device::kActivationAlignment;
  }

  Result<device::ImageTensor> describe(std::uint32_t index) const {
    const Tensor& tensor = model_.graph.tensors[index];
    const auto type = image_type(tensor.type);
    if (!type) {
      return invalid_argument(fmt::format("tensor {}: a model input or output of type {} is not supported",
                                          index, tensor_type_name(tensor.type)));
    }
    if (tensor.is_constant()) {
      return invalid_argument(
          fmt::format("tensor {}: a model output that is a constant is not supported", index));
    }
    device::ImageTensor described{};
    described.offset = model_.arena.tensor_offsets[index];
    described.bytes = tensor.bytes;
    described.type = *type;
    described.rank = static_cast<std::uint8_t>(tensor.shape.size());
    described.scale = tensor.quantization.scales.empty() ? 1 : tensor.quantization.scales[0];
    described.zero_point = zero_point_of(tensor);
    std::copy(tensor.shape.begin(), tensor.shape.end(), described.dimensions);
    return described;
  }

  Status write_tensors(device::ImageHeader& header) {
    std::vector<device::ImageTensor> tensors;
    for (const auto* list : {&model_.graph.inputs, &model_.graph.outputs}) {
      for (const std::uint32_t index : *list) {
        const auto described = describe(index);
        if (!described) return described.error();
        tensors.push_back(*described);
      }
    }
    header.tensors = builder_.add(tensors, kRecordAlignment);
    header.input_count = static_cast<std::uint16_t>(model_.graph.inputs.size());
    header.output_count = static_cast<std::uint16_t>(model_.graph.outputs.size());
    return {};
  }

  [[nodiscard]] device::ImageOperand record(const LoweredOperand& operand) const {
    const bool in_arena = operand.place == device::Place::kArena;
    return {in_arena ? model_.arena.tensor_offsets[operand.tensor] : operand.constant_offset, operand.bytes,
            operand.place};
  }

  Status write_operators(device::ImageHeader& header) {
    std::vector<device::ImageOperator> records;
    for (std::size_t i = 0; i < model_.operators.size(); ++i) {
      const LoweredOperator& op = model_.operators[i];
      std::vector<std::uint8_t> parameters = op.parameters;
      if (op.descending_offset) parameters[*op.descending_offset] = model_.arena.descending[i] ? 1 : 0;
      std::vector<device::ImageOperand> operands;
      for (const LoweredOperand& input : op.inputs) operands.push_back(record(input));
      for (const LoweredOperand& output : op.outputs) operands.push_back(record(output));
      device::ImageOperator written{};
      written.kind = op.kernel->kind;
      written.layout = op.kernel->layout;
      written.source_operator = op.source_operator;
      written.source_index = op.source_index;
      written.parameters = builder_.add(parameters, kRecordAlignment);
      written.operands = builder_.add(operands, kRecordAlignment);
      written.input_count = static_cast<std::uint16_t>(op.inputs.size());
      written.output_count = static_cast<std::uint16_t>(op.outputs.size());
      written.scratch = model_.arena.scratch_offsets[i];
      written.scratch_bytes = op.scratch_bytes;
      written.multiply_accumulates = op.multiply_accumulates;
      records.push_back(written);
    }
    header.operator_count = static_cast<std::uint32_t>(records.size());
    SOTTO_RETURN_IF_ERROR(add_states(header, records));
    header.operators = builder_.add(records, kRecordAlignment);
    return {};
  }

  // The last fully connected layer of one row, when nothing but shape, softmax or logistic follows it.
  [[nodiscard]] std::optional<std::uint32_t> head_operator() const {
    for (std::size_t i = model_.operators.size(); i-- > 0;) {
      const device::KernelKind kind = model_.operators[i].kernel->kind;
      if (kind == device::KernelKind::kFullyConnected) {
        device::FullyConnectedParameters parameters;
        std::memcpy(&parameters, model_.operators[i].parameters.data(), sizeof parameters);
        if (parameters.rows != 1) return std::nullopt;
        return static_cast<std::uint32_t>(i);
      }
      const bool is_logistic = model_.operators[i].source_operator == builtin::kLogistic;
      if (kind != device::KernelKind::kSoftmax && kind != device::KernelKind::kCopy && !is_logistic)
        return std::nullopt;
    }
    return std::nullopt;
  }

  Status write_head(device::ImageHeader& header) {
    head_ = head_operator();
    if (!head_) return {};
    const LoweredOperator& op = model_.operators[*head_];
    const Operator& source = model_.graph.operators[*head_];
    const auto features = describe(op.inputs[0].tensor);
    const auto scores = describe(op.outputs[0].tensor);
    if (!features) return features.error();
    if (!scores) return scores.error();
    const Quantization& q = model_.graph.tensors[static_cast<std::size_t>(source.inputs[1])].quantization;
    std::vector<float> scales;
    for (std::uint32_t i = 0; i < q.scales.size(); ++i) scales.push_back(q.scales[i]);
    device::ImageHead head{};
    head.operator_index = *head_;
    head.weight_scales = builder_.add(scales, kRecordAlignment);
    head.weight_scale_count = static_cast<std::uint32_t>(scales.size());
    head.features = *features;
    head.scores = *scores;
    header.head = builder_.add(std::vector<device::ImageHead>{head}, kRecordAlignment);
    return {};
  }

  // A state's first value: as it is, or one byte for all when they are equal.
  [[nodiscard]] std::vector<std::uint8_t> first_value(const State& state) const {
    const Tensor& tensor = model_.graph.tensors[state.tensor];
    if (state.initial.empty())
      return {static_cast<std::uint8_t>(tensor.type == TensorType::kInt8 ? zero_point_of(tensor) : 0)};
    const std::uint8_t first = state.initial[0];
    const bool uniform = std::all_of(state.initial.begin(), state.initial.end(),
                                     [first](std::uint8_t byte) { return byte == first; });
    if (uniform) return {first};
    return {state.initial.begin(), state.initial.end()};
  }

  // What the arena keeps from run to run, as an operator behind the others that runs when the image is
  // opened.
  Status add_states(device::ImageHeader& header, std::vector<device::ImageOperator>& records) {
    const std::vector<State>& states = model_.graph.states;
    if (states.empty()) return {};
    states_kernel_ = find_kernel_plan(Target::kPortable, device::KernelKind::kStates);
    if (states.size() > UINT16_MAX) return invalid_argument("the model has more than 65535 variables");
    std::vector<device::ImageOperand> operands;
    for (const State& state : states) {
      const std::vector<std::uint8_t> value = first_value(state);
      operands.push_back(
          {builder_.add(value), static_cast<std::uint32_t>(value.size()), device::Place::kImage});
    }
    for (const State& state : states) {
      operands.push_back({model_.arena.tensor_offsets[state.tensor], model_.graph.tensors[state.tensor].bytes,
                          device::Place::kArena});
    }
    device::ImageOperator record{};
    record.kind = states_kernel_->kind;
    record.layout = states_kernel_->layout;
    record.source_operator = builtin::kVarHandle;
    const device::StatesParameters parameters{static_cast<std::uint32_t>(states.size())};
    record.parameters = builder_.add(std::vector<device::StatesParameters>{parameters}, kRecordAlignment);
    record.operands = builder_.add(operands, kRecordAlignment);
    record.input_count = record.output_count = static_cast<std::uint16_t>(states.size());
    header.version = device::kImageVersionWithStates;
    records.push_back(record);
    return {};
  }

  [[nodiscard]] CompileReport report(const device::ImageHeader& header) const {
    CompileReport result;
    result.arena_bytes = header.arena_bytes;
    result.state_bytes = header.state_bytes;
    result.activation_bytes = header.activation_bytes;
    result.activation_lower_bound_bytes = header.activation_lower_bound_bytes;
    result.max_live_bytes = header.max_live_bytes;
    for (const State& state : model_.graph.states)
      result.kept_bytes += model_.graph.tensors[state.tensor].bytes;
    for (const LoweredOperator& op : model_.operators) {
      const std::uint32_t output = op.outputs[0].tensor;
      result.operators.push_back({op.source_index, builtin_operator_name(op.source_operator),
                                  op.kernel->symbol, model_.graph.tensors[output].shape,
                                  op.multiply_accumulates, op.constant_bytes,
                                  model_.arena.tensor_offsets[output], op.scratch_bytes});
      if (std::find(result.kernels.begin(), result.kernels.end(), op.kernel->symbol) ==
          result.kernels.end()) {
        result.kernels.emplace_back(op.kernel->symbol);
      }
    }
    if (states_kernel_ != nullptr) result.kernels.emplace_back(states_kernel_->symbol);
    result.parameter_count = parameter_count();
    if (head_) {
      const LoweredOperator& op = model_.operators[*head_];
      result.head = HeadReport{*head_, op.inputs[0].bytes, op.outputs[0].bytes};
    }
    return result;
  }

  // Elements of the constants that layers multiply by and add.
  [[nodiscard]] std::uint64_t parameter_count() const {
    std::vector<bool> counted(model_.graph.tensors.size());
    std::uint64_t count = 0;
    for (const Operator& op : model_.graph.operators) {
      for (const std::int32_t input : op.inputs) {
        if (input == kAbsentTensor) continue;
        const auto index = static_cast<std::size_t>(input);
        const Tensor& tensor = model_.graph.tensors[index];
        if (counted[index] || !tensor.is_constant() || tensor.quantization.scales.empty()) continue;
        counted[index] = true;
        count += tensor.elements;
      }
    }
    return count;
  }

  const LoweredModel& model_;
  ImageBuilder& builder_;
  std::optional<std::uint32_t> head_;
  const KernelPlan* states_kernel_ = nullptr;  // null: the model remembers nothing
};

}  // namespace

Result<CompiledModel> write_image(const LoweredModel& model, std::uint32_t source_crc32,
                                  ImageBuilder& builder) {
  return ImageWriter(model, builder).write(source_crc32);
}

}  // namespace sotto::model_compiler
