// The new head stands in front: a Model, its first subgraph, the lists of tensors, operators and buffers, and
// of these the ones that are new. What stays is referred to where it stands in the old file, behind; offsets
// of a FlatBuffer lead forwards, so that nothing of the old file has to be understood or changed.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "sotto/model_compiler/host_head.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_compiler/model_export.h"
#include "tflite/flat_fields.h"
#include "tflite/reader.h"

namespace sotto::model_compiler {
namespace {

// Of a table's fields in their order: the bytes of a scalar, or kOffset.
constexpr std::uint8_t kOffset = 0;
constexpr std::array<std::uint8_t, 8> kModelFields = {4, 0, 0, 0, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 6> kGraphFields = {0, 0, 0, 0, 0, 4};
constexpr std::array<std::uint8_t, 10> kTensorFields = {0, 1, 4, 0, 0, 1, 0, 0, 1, 0};
constexpr std::array<std::uint8_t, 14> kOperatorFields = {4, 0, 0, 1, 0, 0, 1, 0, 0, 8, 8, 1, 0, 4};

std::int64_t scalar_of(const FlatTable& table, std::uint32_t slot, std::uint8_t bytes) {
  if (bytes == 1) return table.scalar<std::uint8_t>(slot, 0);
  if (bytes == 4) return table.scalar<std::int32_t>(slot, 0);
  return table.scalar<std::int64_t>(slot, 0);
}

// The same table again, so that some of its fields can be replaced; what it refers to stays where it is.
FlatFields copy_of(const FlatTable& table, std::span<const std::uint8_t> fields) {
  FlatFields copy;
  for (std::uint32_t slot = 0; slot < fields.size(); ++slot) {
    if (!table.has(slot)) continue;
    if (fields[slot] == kOffset) {
      copy.table(slot, FlatFields::behind(table.target(slot)));
    } else {
      copy.scalar(slot, scalar_of(table, slot, fields[slot]), fields[slot]);
    }
  }
  return copy;
}

std::vector<FlatFields> all_behind(const FlatTableVector& tables) {
  std::vector<FlatFields> result;
  for (std::uint32_t i = 0; i < tables.size(); ++i)
    result.push_back(FlatFields::behind(tables[i].position()));
  return result;
}

// The last layer as it is to be written.
struct QuantizedHead {
  std::uint32_t source_index = 0;    // of its operator in the file
  bool has_new_weights = true;       // or those of the file, with new biases
  std::vector<std::int8_t> weights;  // [outputs][features]
  std::vector<float> scales;         // of rows
  std::vector<std::int32_t> biases;
};

Result<QuantizedHead> quantize(Bytes tflite, std::span<const float> parameters, sotto_head_form form) {
  const auto compiled = compile(tflite, {Target::kHost});
  if (!compiled) return compiled.error();
  sotto_head_options options{};
  options.form = form;
  auto opened = device::HostHead::open(compiled->image, options);
  if (!opened) return opened.error();
  const sotto_head_sizes& sizes = opened->sizes();
  if (parameters.size() != sizes.parameters) {
    return invalid_argument(fmt::format("the head has {} parameters ({} features, {} outputs), {} were given",
                                        sizes.parameters, sizes.features, sizes.outputs, parameters.size()));
  }
  SOTTO_RETURN_IF_ERROR(
      device::to_status(sotto_head_write(opened->head(), parameters.data(), parameters.size())));
  QuantizedHead head;
  head.has_new_weights = form != SOTTO_HEAD_BIASES;
  head.source_index = compiled->report.operators[compiled->report.head->operator_index].source_index;
  head.weights.resize(std::size_t{sizes.outputs} * sizes.features);
  head.scales.resize(sizes.outputs);
  head.biases.resize(sizes.outputs);
  for (std::uint32_t row = 0; row < sizes.outputs; ++row) {
    SOTTO_RETURN_IF_ERROR(device::to_status(
        sotto_head_quantized_row(opened->head(), row, head.weights.data() + std::size_t{row} * sizes.features,
                                 &head.scales[row], &head.biases[row])));
  }
  return head;
}

class HeadWriter {
 public:
  // All must outlive it.
  HeadWriter(Bytes tflite, const Graph& graph, const QuantizedHead& head)
      : file_(tflite), graph_(graph), head_(head), source_(graph.operators[head.source_index]) {}

  std::vector<std::uint8_t> write(Bytes tflite) {
    const FlatTable model = file_.root();
    const FlatTable graph = model.tables(slot::kModelSubgraphs)[0];
    tensors_ = all_behind(graph.tables(slot::kGraphTensors));
    buffers_ = all_behind(model.tables(slot::kModelBuffers));
    operators_ = all_behind(graph.tables(slot::kGraphOperators));
    old_tensors_ = graph.tables(slot::kGraphTensors);
    inputs_ = source_.inputs;
    if (head_.has_new_weights) inputs_[1] = put_weights();
    put_bias();
    put_operator(graph.tables(slot::kGraphOperators)[source_.index]);
    std::vector<FlatFields> graphs = all_behind(model.tables(slot::kModelSubgraphs));
    graphs[0] = copy_of(graph, kGraphFields);
    graphs[0].tables(slot::kGraphTensors, tensors_).tables(slot::kGraphOperators, operators_);
    FlatFields written = copy_of(model, kModelFields);
    written.tables(slot::kModelSubgraphs, graphs).tables(slot::kModelBuffers, buffers_);
    return tflite_file(written, {tflite.begin(), tflite.end()});
  }

 private:
  [[nodiscard]] bool has_bias() const { return inputs_.size() == 3 && inputs_[2] != kAbsentTensor; }

  // How often operators read it: a tensor of its own can be replaced, a shared one stays.
  [[nodiscard]] std::ptrdiff_t uses(std::int32_t tensor) const {
    std::ptrdiff_t count = 0;
    for (const Operator& op : graph_.operators)
      count += std::count(op.inputs.begin(), op.inputs.end(), tensor);
    return count;
  }

  template <typename T>
  std::uint32_t add_buffer(const std::vector<T>& values) {
    if (buffers_.empty()) buffers_.emplace_back();  // buffer 0 is empty by convention
    buffers_.push_back(FlatFields().bytes(slot::kBufferData, values));
    return static_cast<std::uint32_t>(buffers_.size() - 1);
  }

  static FlatFields quantization(const std::vector<float>& scales) {
    return FlatFields()
        .vector(slot::kQuantizationScale, scales)
        .vector(slot::kQuantizationZeroPoint, std::vector<std::int64_t>(scales.size(), 0))
        .scalar(slot::kQuantizationDimension, 0, 4);
  }

  // In the place of the old tensor, or behind the others when somebody else reads that. Its index.
  std::int32_t put_tensor(std::int32_t old, FlatFields tensor) {
    if (old != kAbsentTensor && uses(old) == 1) {
      tensors_[static_cast<std::size_t>(old)] = std::move(tensor);
      return old;
    }
    tensors_.push_back(std::move(tensor));
    return static_cast<std::int32_t>(tensors_.size() - 1);
  }

  std::int32_t put_weights() {
    const std::int32_t old = inputs_[1];
    FlatFields tensor = copy_of(old_tensors_[static_cast<std::uint32_t>(old)], kTensorFields);
    tensor.scalar(slot::kTensorBuffer, add_buffer(head_.weights), 4)
        .table(slot::kTensorQuantization, quantization(head_.scales));
    return put_tensor(old, std::move(tensor));
  }

  // One scale, as the weights have, or one for each row.
  [[nodiscard]] std::vector<float> bias_scales(bool has_one) const {
    const float input_scale = graph_.tensors[static_cast<std::size_t>(inputs_[0])].quantization.scales[0];
    std::vector<float> scales;
    for (const float scale : head_.scales) scales.push_back(input_scale * scale);
    if (has_one) scales.resize(1);
    return scales;
  }

  void put_bias() {
    const auto& old_weights = graph_.tensors[static_cast<std::size_t>(source_.inputs[1])].quantization;
    const bool has_one = !head_.has_new_weights && old_weights.scales.size() == 1;
    const std::int32_t old = has_bias() ? inputs_[2] : kAbsentTensor;
    FlatFields tensor;
    if (old != kAbsentTensor) {
      tensor = copy_of(old_tensors_[static_cast<std::uint32_t>(old)], kTensorFields);
    } else {
      tensor.vector(slot::kTensorShape, std::vector{static_cast<std::int32_t>(head_.biases.size())})
          .scalar(slot::kTensorType, static_cast<std::int64_t>(TensorType::kInt32), 1)
          .string(slot::kTensorName, "head_bias");
    }
    tensor.scalar(slot::kTensorBuffer, add_buffer(head_.biases), 4)
        .table(slot::kTensorQuantization, quantization(bias_scales(has_one)));
    inputs_.resize(3);
    inputs_[2] = put_tensor(old, std::move(tensor));
  }

  void put_operator(const FlatTable& old) {
    FlatFields written = copy_of(old, kOperatorFields);
    written.vector(slot::kOperatorInputs, inputs_);
    operators_[source_.index] = std::move(written);
  }

  FlatBuffer file_;
  const Graph& graph_;
  const QuantizedHead& head_;
  const Operator& source_;
  std::vector<std::int32_t> inputs_;
  FlatTableVector old_tensors_;
  std::vector<FlatFields> tensors_, buffers_, operators_;
};

}  // namespace

Result<std::vector<std::uint8_t>> export_head(Bytes tflite, std::span<const float> parameters,
                                              sotto_head_form form) {
  const auto head = quantize(tflite, parameters, form);
  if (!head) return head.error();
  const auto graph = read_tflite(tflite);
  if (!graph) return graph.error();
  auto file = HeadWriter(tflite, *graph, *head).write(tflite);
  // What a kernel cannot express is found here, not on a board.
  const auto compiled = compile(file, {});
  if (!compiled) return compiled.error().with_context("the trained head cannot be written");
  return file;
}

}  // namespace sotto::model_compiler
