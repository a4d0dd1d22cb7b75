// A record's canonical bytes, from its field table: fields in the table's order, little-endian, no padding.
//   numbers and ids    as wide as their type; bool one byte, 0 or 1; enumerations one byte
//   float              IEEE 754 binary32
//   byte arrays        as they are
//   bytes, texts       length u16, then the bytes
//   lists              count u8, then each sub-record or number
// Freestanding.
#pragma once

#include "sotto/base/bytes.h"
#include "sotto/base/fields.h"

namespace sotto {

// The bytes a record takes.
class FieldSizer {
 public:
  template <typename T, typename... Range>
  constexpr void operator()(const Field&, const T& value, const Range&...) {
    if constexpr (ListField<T>) {
      size_ += 1;
      for (const auto& element : value) visit_fields(element, *this);
    } else if constexpr (NumbersField<T>) {
      size_ += 1 + value.size() * sizeof(typename T::value_type);
    } else if constexpr (BytesField<T> || TextField<T>) {
      size_ += sizeof(std::uint16_t) + value.size();
    } else if constexpr (std::is_enum_v<T> || std::same_as<T, bool>) {
      size_ += 1;
    } else {
      size_ += sizeof(T);
    }
  }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

template <typename Record>
[[nodiscard]] constexpr std::size_t encoded_bytes(const Record& record) {
  FieldSizer sizer;
  visit_fields(record, sizer);
  return sizer.size();
}

class FieldWriter {
 public:
  explicit FieldWriter(ByteWriter& writer) : writer_(writer) {}

  template <typename T, typename... Range>
  void operator()(const Field&, const T& value, const Range&...) {
    if constexpr (ListField<T>) {
      static_assert(T::kCapacity <= 0xff);
      writer_.u8(static_cast<std::uint8_t>(value.size()));
      for (const auto& element : value) visit_fields(element, *this);
    } else if constexpr (NumbersField<T>) {
      static_assert(T::kCapacity <= 0xff);
      writer_.u8(static_cast<std::uint8_t>(value.size()));
      for (const auto number : value) put(number);
    } else if constexpr (BytesField<T> || TextField<T>) {
      writer_.u16(static_cast<std::uint16_t>(value.size()));
      for (const auto byte : value) writer_.u8(static_cast<std::uint8_t>(byte));
    } else if constexpr (ByteArrayField<T>) {
      writer_.bytes(value);
    } else if constexpr (IdField<T>) {
      put(value.value);
    } else {
      put(value);
    }
  }

 private:
  template <typename T>
  void put(T value) {
    if constexpr (std::is_enum_v<T> || sizeof(T) == 1) {
      writer_.u8(static_cast<std::uint8_t>(value));
    } else if constexpr (std::same_as<T, float>) {
      writer_.f32(value);
    } else if constexpr (sizeof(T) == 2) {
      writer_.u16(value);
    } else if constexpr (sizeof(T) == 4) {
      writer_.u32(value);
    } else {
      writer_.u64(value);
    }
  }

  ByteWriter& writer_;
};

// Fills a record. After the reader's end, and after an error, fields become zero. Ranges are not looked at:
// check_fields() comes after the last byte.
class FieldReader {
 public:
  explicit FieldReader(ByteReader& reader) : reader_(reader) {}

  template <typename T, typename... Range>
  void operator()(const Field& field, T& value, const Range&...) {
    if constexpr (ListField<T>) {
      const std::size_t count = reader_.u8();
      resize(field, value, count);
      for (auto& element : value) visit_fields(element, *this);
    } else if constexpr (NumbersField<T>) {
      resize(field, value, reader_.u8());
      for (auto& number : value) get(number);
    } else if constexpr (BytesField<T> || TextField<T>) {
      resize(field, value, reader_.u16());
      for (auto& byte : value) byte = static_cast<std::remove_cvref_t<decltype(byte)>>(reader_.u8());
    } else if constexpr (ByteArrayField<T>) {
      reader_.copy(value);
    } else if constexpr (std::same_as<T, bool>) {
      const std::uint8_t byte = reader_.u8();
      if (byte > 1) fail(whole_error(field.name, byte, whole(0, 1)));
      value = byte == 1;
    } else if constexpr (IdField<T>) {
      get(value.value);
    } else {
      get(value);
    }
  }

  // What could not be held at all: a list that is too long, a bool that is neither 0 nor 1.
  [[nodiscard]] const FieldError& error() const { return error_; }

 private:
  template <typename List>
  void resize(const Field& field, List& list, std::size_t size) {
    list = List{};
    const char* things = ListField<List> || NumbersField<List> ? "entries" : "bytes";
    if (!list.resize(size)) fail(length_error(field.name, things, size, whole(0, List::kCapacity)));
  }
  void fail(const FieldError& error) {
    if (error_.ok()) error_ = error;
  }
  template <typename T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T> || sizeof(T) == 1) {
      value = static_cast<T>(reader_.u8());
    } else if constexpr (std::same_as<T, float>) {
      value = reader_.f32();
    } else if constexpr (sizeof(T) == 2) {
      value = reader_.u16();
    } else if constexpr (sizeof(T) == 4) {
      value = reader_.u32();
    } else {
      value = reader_.u64();
    }
  }

  ByteReader& reader_;
  FieldError error_;
};

}  // namespace sotto
