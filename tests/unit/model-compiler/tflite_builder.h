// Writes .tflite files for tests: one subgraph, tensor by tensor and operator by operator,
// in a FlatBuffer of our own making.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sotto::model_compiler {

// A FlatBuffer table before it is written: field number -> value.
class FlatFields {
 public:
  FlatFields& scalar(std::uint32_t slot, std::int64_t value, std::uint32_t bytes);
  FlatFields& real(std::uint32_t slot, float value);
  FlatFields& string(std::uint32_t slot, const std::string& text);
  FlatFields& table(std::uint32_t slot, FlatFields fields);
  FlatFields& tables(std::uint32_t slot, std::vector<FlatFields> tables);
  // Takes the other's fields, also where there are some already.
  FlatFields& replace(const FlatFields& other);
  template <typename T>
  FlatFields& vector(std::uint32_t slot, const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    return raw_vector(slot, {bytes, bytes + values.size() * sizeof(T)}, sizeof(T));
  }

  // Appends the table, then its children, and returns where the table begins.
  std::uint32_t write(std::vector<std::uint8_t>& out) const;

 private:
  enum class Kind { kScalar, kVector, kTable, kTables };
  struct Field {
    Kind kind = Kind::kScalar;
    std::vector<std::uint8_t> bytes;
    std::uint32_t element_bytes = 1;
    std::vector<FlatFields> children;
  };
  FlatFields& raw_vector(std::uint32_t slot, std::vector<std::uint8_t> bytes, std::uint32_t element_bytes);
  static std::uint32_t write_field(const Field& field, std::vector<std::uint8_t>& out);

  std::map<std::uint32_t, Field> fields_;
};

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

  std::vector<FlatFields> tensors_, operators_, codes_;
  std::vector<FlatFields> buffers_ = {{}};  // buffer 0 is empty, by convention
  FlatFields model_;
};

}  // namespace sotto::model_compiler
