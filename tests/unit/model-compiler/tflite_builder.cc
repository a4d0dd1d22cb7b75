#include "tflite_builder.h"

#include "tflite/options_types.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {

std::int32_t TfliteBuilder::add_tensor(const TensorSpec& spec, std::uint32_t buffer) {
  std::vector<std::int64_t> zero_points(spec.scales.size(), spec.zero_point);
  zero_points.insert(zero_points.end(), spec.more_zero_points.begin(), spec.more_zero_points.end());
  FlatFields quantization;
  quantization.vector(slot::kQuantizationScale, spec.scales)
      .vector(slot::kQuantizationZeroPoint, zero_points)
      .scalar(slot::kQuantizationDimension, spec.dimension, 4);
  FlatFields tensor;
  tensor.vector(slot::kTensorShape, spec.shape)
      .scalar(slot::kTensorType, spec.type, 1)
      .scalar(slot::kTensorBuffer, buffer, 4)
      .string(slot::kTensorName, spec.name)
      .table(slot::kTensorQuantization, quantization);
  tensors_.push_back(tensor);
  return static_cast<std::int32_t>(tensors_.size() - 1);
}

std::int32_t TfliteBuilder::tensor(const TensorSpec& spec) { return add_tensor(spec, 0); }

std::int32_t TfliteBuilder::constant_bytes(const TensorSpec& spec, const std::vector<std::uint8_t>& bytes) {
  buffers_.push_back(FlatFields().vector(slot::kBufferData, bytes));
  return add_tensor(spec, static_cast<std::uint32_t>(buffers_.size() - 1));
}

void TfliteBuilder::add_unused_code(std::int32_t code) {
  codes_.push_back(
      FlatFields().scalar(slot::kCodeDeprecatedBuiltin, code, 1).scalar(slot::kCodeBuiltin, code, 4));
}

void TfliteBuilder::add_operator(std::int32_t code, std::int32_t version,
                                 const std::vector<std::int32_t>& inputs,
                                 const std::vector<std::int32_t>& outputs, const FlatFields& options) {
  FlatFields operator_code;
  operator_code.scalar(slot::kCodeDeprecatedBuiltin, code < 127 ? code : 127, 1)
      .scalar(slot::kCodeVersion, version, 4)
      .scalar(slot::kCodeBuiltin, code, 4);
  codes_.push_back(operator_code);
  FlatFields written;
  written.scalar(slot::kOperatorCode, static_cast<std::int64_t>(codes_.size() - 1), 4)
      .vector(slot::kOperatorInputs, inputs)
      .vector(slot::kOperatorOutputs, outputs)
      .scalar(slot::kOperatorOptionsType, builtin_options_type(code).value_or(0), 1)
      .table(slot::kOperatorOptions, options);
  operators_.push_back(written);
}

FlatFields TfliteBuilder::subgraph(const std::vector<std::int32_t>& inputs,
                                   const std::vector<std::int32_t>& outputs) const {
  FlatFields subgraph;
  subgraph.tables(slot::kGraphTensors, tensors_)
      .vector(slot::kGraphInputs, inputs)
      .vector(slot::kGraphOutputs, outputs)
      .tables(slot::kGraphOperators, operators_);
  return subgraph;
}

void TfliteBuilder::end_subgraph(const std::vector<std::int32_t>& inputs,
                                 const std::vector<std::int32_t>& outputs) {
  ended_.push_back(subgraph(inputs, outputs));
  tensors_.clear();
  operators_.clear();
}

std::vector<std::uint8_t> TfliteBuilder::file(const std::vector<std::int32_t>& inputs,
                                              const std::vector<std::int32_t>& outputs) const {
  std::vector<FlatFields> subgraphs = ended_;
  subgraphs.push_back(subgraph(inputs, outputs));
  FlatFields model;
  model.scalar(slot::kModelVersion, 3, 4)
      .tables(slot::kModelOperatorCodes, codes_)
      .tables(slot::kModelSubgraphs, subgraphs)
      .tables(slot::kModelBuffers, buffers_)
      .replace(model_);
  return tflite_file(model);
}

}  // namespace sotto::model_compiler
