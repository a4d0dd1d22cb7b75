// Writes .tflite files for tests: one subgraph, tensor by tensor and operator by operator,
// in a FlatBuffer of our own making.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tflite/flat_fields.h"

namespace sotto::model_compiler {

struct TensorSpec {
  std::string name;
  std::vector<std::int32_t> shape;
  std::int32_t type = 9;  // INT8
  std::vector<float> scales = {0.05f};
  std::int64_t zero_point = 0;  // for every scale
  std::int32_t dimension = 0;
  std::vector<std::int64_t> more_zero_points{};
};

class TfliteBuilder {
 public:
  // The tensor's index.
  std::int32_t tensor(const TensorSpec& spec);
  template <typename T>
  std::int32_t constant(const TensorSpec& spec, const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    return constant_bytes(spec, {bytes, bytes + values.size() * sizeof(T)});
  }
  void add_operator(std::int32_t code, std::int32_t version, const std::vector<std::int32_t>& inputs,
                    const std::vector<std::int32_t>& outputs, const FlatFields& options = {});
  // A code that no operator uses, as converters leave behind.
  void add_unused_code(std::int32_t code);

  // What has been added is a subgraph of its own, numbered in the order of these calls; what follows goes to
  // the next.
  void end_subgraph(const std::vector<std::int32_t>& inputs, const std::vector<std::int32_t>& outputs);

  // What has been written so far, for tests that want it otherwise. Buffer 0 is the empty one.
  FlatFields& raw_tensor(std::int32_t i) { return tensors_[static_cast<std::size_t>(i)]; }
  FlatFields& raw_operator(std::size_t i) { return operators_[i]; }
  FlatFields& raw_code(std::size_t i) { return codes_[i]; }
  FlatFields& raw_buffer(std::size_t i) { return buffers_[i]; }
  // Replaces fields of the model itself.
  FlatFields& raw_model() { return model_; }

  [[nodiscard]] std::vector<std::uint8_t> file(const std::vector<std::int32_t>& inputs,
                                               const std::vector<std::int32_t>& outputs) const;

 private:
  std::int32_t constant_bytes(const TensorSpec& spec, const std::vector<std::uint8_t>& bytes);
  std::int32_t add_tensor(const TensorSpec& spec, std::uint32_t buffer);

  [[nodiscard]] FlatFields subgraph(const std::vector<std::int32_t>& inputs,
                                    const std::vector<std::int32_t>& outputs) const;

  std::vector<FlatFields> tensors_, operators_, codes_, ended_;
  std::vector<FlatFields> buffers_ = {{}};  // buffer 0 is empty, by convention
  FlatFields model_;
};

}  // namespace sotto::model_compiler
