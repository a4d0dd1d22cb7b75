// Writing a FlatBuffer of our own making, table by table; in front of one that somebody else wrote, if need
// be, whose tables it may refer to (offsets lead forwards only).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sotto::model_compiler {

// A FlatBuffer table before it is written: field number -> value.
class FlatFields {
 public:
  // In the place of a table, a string or a vector: what stands at `position` of the bytes that will follow
  // those that are written.
  [[nodiscard]] static FlatFields behind(std::uint32_t position);

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
  // As a vector of bytes, whatever they are: the data of buffers.
  template <typename T>
  FlatFields& bytes(std::uint32_t slot, const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    return raw_vector(slot, {bytes, bytes + values.size() * sizeof(T)}, 1);
  }

  // Appends the table, then its children, and returns where the table begins. `following` is where the bytes
  // that behind() speaks of begin.
  std::uint32_t write(std::vector<std::uint8_t>& out, std::uint32_t following = 0) const;

 private:
  enum class Kind { kScalar, kVector, kString, kTable, kTables };
  struct Field {
    Kind kind = Kind::kScalar;
    std::vector<std::uint8_t> bytes;
    std::uint32_t element_bytes = 1;
    std::vector<FlatFields> children;
  };
  FlatFields& raw_vector(std::uint32_t slot, std::vector<std::uint8_t> bytes, std::uint32_t element_bytes);
  static std::uint32_t write_field(const Field& field, std::vector<std::uint8_t>& out,
                                   std::uint32_t following);

  std::map<std::uint32_t, Field> fields_;
  bool is_behind_ = false;
  std::uint32_t position_ = 0;  // of what is behind
};

// The bytes of a .tflite file with this Model table, and behind it `following`, on a boundary of 16 bytes as
// it was before.
[[nodiscard]] std::vector<std::uint8_t> tflite_file(const FlatFields& model,
                                                    const std::vector<std::uint8_t>& following = {});

}  // namespace sotto::model_compiler
