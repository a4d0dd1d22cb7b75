// Byte spans, little-endian loads and stores, and bounds-checked readers and writers. Freestanding: no heap,
// no I/O. Everything Sotto puts on a wire or into a hash is little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sotto {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

// A text's bytes and back, borrowed.
[[nodiscard]] inline Bytes text_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view bytes_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Unsigned>
[[nodiscard]] constexpr Unsigned load_le(const std::uint8_t* from) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value = static_cast<Unsigned>(value | static_cast<Unsigned>(static_cast<Unsigned>(from[i]) << (8 * i)));
  }
  return value;
}

template <typename Unsigned>
constexpr void store_le(std::uint8_t* to, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// Reads fields in order. After the first read past the end every later read returns zero or an empty span and
// ok() stays false, so a decoder may read all fields and check once. A decoder must end with finished().
class ByteReader {
 public:
  explicit constexpr ByteReader(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  float f32() {
    const std::uint32_t bits = u32();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // The next `count` bytes, borrowed from the input; empty when fewer remain.
  Bytes bytes(std::size_t count) {
    if (!ok_ || count > bytes_.size() - offset_) {
      ok_ = false;
      return {};
    }
    const Bytes result = bytes_.subspan(offset_, count);
    offset_ += count;
    return result;
  }
  // Fills `out` completely or, when too little remains, with zeros.
  void copy(MutableBytes out) {
    if (out.empty()) return;  // memcpy refuses the null pointer of an empty span
    const Bytes from = bytes(out.size());
    if (from.size() == out.size()) {
      std::memcpy(out.data(), from.data(), out.size());
    } else {
      std::memset(out.data(), 0, out.size());
    }
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t remaining() const { return ok_ ? bytes_.size() - offset_ : 0; }
  // True when every read was inside the input and nothing is left over.
  [[nodiscard]] bool finished() const { return ok_ && offset_ == bytes_.size(); }

 private:
  template <typename Unsigned>
  Unsigned integer() {
    const Bytes from = bytes(sizeof(Unsigned));
    return from.empty() ? Unsigned{0} : load_le<Unsigned>(from.data());
  }

  Bytes bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

// Writes fields in order into the caller's buffer. A write past the end writes nothing and clears ok().
class ByteWriter {
 public:
  explicit constexpr ByteWriter(MutableBytes bytes) : bytes_(bytes) {}

  void u8(std::uint8_t value) { integer(value); }
  void u16(std::uint16_t value) { integer(value); }
  void u32(std::uint32_t value) { integer(value); }
  void u64(std::uint64_t value) { integer(value); }
  void f32(float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    u32(bits);
  }
  void bytes(Bytes value) {
    const MutableBytes to = reserve(value.size());
    if (!to.empty()) std::memcpy(to.data(), value.data(), value.size());
  }
  // The next `count` bytes of the output for the caller to fill; empty when they do not fit.
  MutableBytes reserve(std::size_t count) {
    if (!ok_ || count > bytes_.size() - offset_) {
      ok_ = false;
      return {};
    }
    const MutableBytes result = bytes_.subspan(offset_, count);
    offset_ += count;
    return result;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t written() const { return offset_; }

 private:
  template <typename Unsigned>
  void integer(Unsigned value) {
    const MutableBytes to = reserve(sizeof(Unsigned));
    if (!to.empty()) store_le(to.data(), value);
  }

  MutableBytes bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace sotto
