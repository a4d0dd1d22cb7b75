// Reading a FlatBuffer that somebody else wrote: every offset is checked against the file before it is
// followed.
//
// Errors stick: a field that lies outside the file reads as its default, and ok() of the buffer stays false,
// so a reader may read all fields and ask once. Views borrow the file's bytes. Nothing is copied, so a file
// cannot ask for more memory than its own size times a constant.
#pragma once

#include <cstdint>
#include <string_view>

#include "sotto/base/bytes.h"

namespace sotto::model_compiler {

class FlatBuffer;

// `count` values of T behind each other.
template <typename T>
class FlatVector {
 public:
  FlatVector() = default;
  explicit FlatVector(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(bytes_.size() / sizeof(T)); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  // Requires i < size().
  [[nodiscard]] T operator[](std::uint32_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  [[nodiscard]] Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

class FlatTableVector;

// A table, or the absence of one, whose fields all read as their defaults.
class FlatTable {
 public:
  FlatTable() = default;

  [[nodiscard]] bool present() const { return buffer_ != nullptr; }
  [[nodiscard]] bool has(std::uint32_t slot) const { return field(slot, 0) != 0; }
  template <typename T>
  [[nodiscard]] T scalar(std::uint32_t slot, T otherwise) const;
  template <typename T>
  [[nodiscard]] FlatVector<T> vector(std::uint32_t slot) const;
  [[nodiscard]] std::string_view string(std::uint32_t slot) const;
  [[nodiscard]] FlatTable table(std::uint32_t slot) const;
  [[nodiscard]] FlatTableVector tables(std::uint32_t slot) const;

  // Where in the file it is, and where that is to which the offset in the field leads; 0 for an absent field.
  [[nodiscard]] std::uint32_t position() const { return position_; }
  [[nodiscard]] std::uint32_t target(std::uint32_t slot) const;

 private:
  friend class FlatBuffer;
  friend class FlatTableVector;
  FlatTable(FlatBuffer* buffer, std::uint32_t position) : buffer_(buffer), position_(position) {}

  // Position in the file of a field of `bytes`, or 0.
  [[nodiscard]] std::uint32_t field(std::uint32_t slot, std::uint32_t bytes) const;
  // The bytes of a vector of elements of `element_bytes`.
  [[nodiscard]] Bytes vector_bytes(std::uint32_t slot, std::uint32_t element_bytes) const;

  FlatBuffer* buffer_ = nullptr;
  std::uint32_t position_ = 0;
  std::uint32_t vtable_ = 0;
  std::uint16_t vtable_bytes_ = 0;
  std::uint16_t table_bytes_ = 0;
};

class FlatTableVector {
 public:
  FlatTableVector() = default;
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(offsets_.size() / 4); }
  // Requires i < size().
  [[nodiscard]] FlatTable operator[](std::uint32_t i) const;

 private:
  friend class FlatTable;
  FlatTableVector(FlatBuffer* buffer, Bytes offsets) : buffer_(buffer), offsets_(offsets) {}

  FlatBuffer* buffer_ = nullptr;
  Bytes offsets_;
};

class FlatBuffer {
 public:
  // `file` must outlive the buffer and its views.
  explicit FlatBuffer(Bytes file) : file_(file) {}
  FlatBuffer(const FlatBuffer&) = delete;
  FlatBuffer& operator=(const FlatBuffer&) = delete;

  [[nodiscard]] bool has_identifier(std::string_view four_characters) const;
  [[nodiscard]] FlatTable root();
  // False once anything outside the file was asked for.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  friend class FlatTable;
  friend class FlatTableVector;

  // `bytes` at `position`; empty, and no longer ok(), when they are not all there.
  Bytes at(std::uint64_t position, std::uint64_t bytes);
  template <typename T>
  T read(std::uint64_t position) {
    const Bytes from = at(position, sizeof(T));
    return from.empty() ? T{} : load_le<T>(from.data());
  }
  // The table that the offset at `position` refers to.
  FlatTable follow(std::uint64_t position);

  Bytes file_;
  bool ok_ = true;
};

template <typename T>
T FlatTable::scalar(std::uint32_t slot, T otherwise) const {
  const std::uint32_t position = field(slot, sizeof(T));
  if (position == 0) return otherwise;
  const Bytes from = buffer_->at(position, sizeof(T));
  if (from.size() == sizeof(T)) std::memcpy(&otherwise, from.data(), sizeof(T));
  return otherwise;
}

template <typename T>
FlatVector<T> FlatTable::vector(std::uint32_t slot) const {
  return FlatVector<T>(vector_bytes(slot, sizeof(T)));
}

}  // namespace sotto::model_compiler
