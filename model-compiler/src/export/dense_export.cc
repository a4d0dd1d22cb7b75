#include <fmt/core.h>

#include "sotto/model_compiler/model_export.h"
#include "tflite/flat_fields.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint64_t kParametersMax = 1u << 24;
constexpr std::uint32_t kFullyConnectedCode = 0, kSoftmaxCode = 1;  // their places in the file

class DenseWriter {
 public:
  DenseWriter(std::span<const std::uint32_t> widths, std::span<const float> parameters)
      : widths_(widths), parameters_(parameters) {}

  std::vector<std::uint8_t> write(const std::string& description) {
    const std::int32_t input = add_tensor("features", {1, signed_width(0)}, 0);
    std::int32_t values = input;
    for (std::size_t layer = 0; layer + 1 < widths_.size(); ++layer) values = add_layer(layer, values);
    const std::int32_t output = add_tensor("probabilities", {1, signed_width(widths_.size() - 1)}, 0);
    add_operator(kSoftmaxCode, {values}, {output}, kSoftmaxOptions, FlatFields().real(slot::kSoftmaxBeta, 1));
    FlatFields graph;
    graph.tables(slot::kGraphTensors, std::move(tensors_))
        .vector(slot::kGraphInputs, std::vector{input})
        .vector(slot::kGraphOutputs, std::vector{output})
        .tables(slot::kGraphOperators, std::move(operators_));
    FlatFields model;
    model.scalar(slot::kModelVersion, 3, 4)
        .tables(slot::kModelOperatorCodes, {code(builtin::kFullyConnected), code(builtin::kSoftmax)})
        .tables(slot::kModelSubgraphs, {graph})
        .string(slot::kModelDescription, description)
        .tables(slot::kModelBuffers, std::move(buffers_));
    return tflite_file(model);
  }

 private:
  [[nodiscard]] std::int32_t signed_width(std::size_t i) const {
    return static_cast<std::int32_t>(widths_[i]);
  }

  static FlatFields code(std::int32_t of) {
    return FlatFields()
        .scalar(slot::kCodeDeprecatedBuiltin, of, 1)
        .scalar(slot::kCodeVersion, 1, 4)
        .scalar(slot::kCodeBuiltin, of, 4);
  }

  std::int32_t add_tensor(const std::string& name, const std::vector<std::int32_t>& shape,
                          std::uint32_t buffer) {
    tensors_.push_back(FlatFields()
                           .vector(slot::kTensorShape, shape)
                           .scalar(slot::kTensorType, static_cast<std::int64_t>(TensorType::kFloat32), 1)
                           .scalar(slot::kTensorBuffer, buffer, 4)
                           .string(slot::kTensorName, name));
    return static_cast<std::int32_t>(tensors_.size() - 1);
  }

  std::int32_t add_constant(const std::string& name, const std::vector<std::int32_t>& shape,
                            const std::vector<float>& values) {
    buffers_.push_back(FlatFields().bytes(slot::kBufferData, values));
    return add_tensor(name, shape, static_cast<std::uint32_t>(buffers_.size() - 1));
  }

  void add_operator(std::uint32_t code, const std::vector<std::int32_t>& inputs,
                    const std::vector<std::int32_t>& outputs, std::uint32_t options_type,
                    const FlatFields& options) {
    operators_.push_back(FlatFields()
                             .scalar(slot::kOperatorCode, code, 4)
                             .vector(slot::kOperatorInputs, inputs)
                             .vector(slot::kOperatorOutputs, outputs)
                             .scalar(slot::kOperatorOptionsType, options_type, 1)
                             .table(slot::kOperatorOptions, options));
  }

  // The tensor of its outputs.
  std::int32_t add_layer(std::size_t layer, std::int32_t from) {
    const std::size_t inputs = widths_[layer], outputs = widths_[layer + 1];
    std::vector<float> weights(inputs * outputs);  // [outputs][inputs], as the operator has them
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t j = 0; j < outputs; ++j) weights[j * inputs + i] = parameters_[i * outputs + j];
    }
    const auto bias_from = parameters_.subspan(inputs * outputs, outputs);
    const std::vector<float> bias(bias_from.begin(), bias_from.end());
    parameters_ = parameters_.subspan((inputs + 1) * outputs);
    const auto rows = signed_width(layer + 1), columns = signed_width(layer);
    const std::int32_t weights_tensor =
        add_constant(fmt::format("weights_{}", layer), {rows, columns}, weights);
    const std::int32_t bias_tensor = add_constant(fmt::format("bias_{}", layer), {rows}, bias);
    const std::int32_t output = add_tensor(fmt::format("layer_{}", layer), {1, rows}, 0);
    const bool is_last = layer + 2 == widths_.size();
    const Activation activation = is_last ? Activation::kNone : Activation::kRelu;
    add_operator(
        kFullyConnectedCode, {from, weights_tensor, bias_tensor}, {output}, kFullyConnectedOptions,
        FlatFields().scalar(slot::kFullyConnectedActivation, static_cast<std::int64_t>(activation), 1));
    return output;
  }

  std::span<const std::uint32_t> widths_;
  std::span<const float> parameters_;  // those of the layers that are not yet written
  std::vector<FlatFields> tensors_, operators_;
  std::vector<FlatFields> buffers_ = {{}};  // buffer 0 is empty, by convention
};

}  // namespace

Result<std::vector<std::uint8_t>> export_dense(std::span<const std::uint32_t> widths,
                                               std::span<const float> parameters,
                                               const std::string& description) {
  if (widths.size() < 2) return invalid_argument("a model has features and classes: at least two widths");
  std::uint64_t expected = 0;
  for (std::size_t layer = 0; layer < widths.size(); ++layer) {
    if (widths[layer] == 0 || widths[layer] > kParametersMax)
      return invalid_argument(fmt::format("a layer of a model has 1 to {} values", kParametersMax));
    if (layer > 0) expected += (std::uint64_t{widths[layer - 1]} + 1) * widths[layer];
    if (expected > kParametersMax)
      return invalid_argument(fmt::format("the model has more than {} parameters", kParametersMax));
  }
  if (parameters.size() != expected)
    return invalid_argument(
        fmt::format("the model has {} parameters, {} were given", expected, parameters.size()));
  return DenseWriter(widths, parameters).write(description);
}

}  // namespace sotto::model_compiler
