// The few items of CBOR that manifests have, in their deterministic form (RFC 8949 section 4.2): shortest
// heads, definite lengths. Anything else is malformed. Freestanding; libraries bring trees and heaps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"

namespace sotto::model_update {

enum class Major : std::uint8_t {
  kUnsigned = 0,
  kNegative = 1,
  kBytes = 2,
  kText = 3,
  kArray = 4,
  kMap = 5,
  kTag = 6
};

// After the first item that is wrong every later one is zero or empty: read all, then ask.
class CborReader {
 public:
  explicit CborReader(Bytes bytes) : bytes_(bytes) {}

  // The argument of an item's head: the value, count or tag.
  std::uint64_t head(Major major) {
    const std::uint8_t first = byte();
    if (!ok()) return 0;
    if (first >> 5 != static_cast<std::uint8_t>(major)) return fail();
    const std::uint8_t info = first & 31;
    if (info < 24) return info;
    if (info > 27) return fail();
    const unsigned width = 1u << (info - 24);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < width; ++i) value = value << 8 | byte();
    const std::uint64_t least = width == 1 ? 24 : std::uint64_t{1} << (4 * width);
    if (ok() && value < least) return fail();
    return ok() ? value : 0;
  }
  // A string's bytes, borrowed.
  Bytes string(Major major) {
    const std::uint64_t size = head(major);
    if (!ok()) return {};
    if (size > bytes_.size() - offset_) {
      truncated_ = true;
      return {};
    }
    const Bytes result = bytes_.subspan(offset_, static_cast<std::size_t>(size));
    offset_ += result.size();
    return result;
  }
  // Whether the next byte is this one.
  [[nodiscard]] bool next_is(std::uint8_t expected) const {
    return ok() && offset_ < bytes_.size() && bytes_[offset_] == expected;
  }
  // Malformed from now on.
  std::uint64_t fail() {
    malformed_ = true;
    return 0;
  }

  [[nodiscard]] bool ok() const { return !truncated_ && !malformed_; }
  [[nodiscard]] bool truncated() const { return truncated_; }
  [[nodiscard]] bool finished() const { return ok() && offset_ == bytes_.size(); }

 private:
  std::uint8_t byte() {
    if (!ok()) return 0;
    if (offset_ == bytes_.size()) {
      truncated_ = true;
      return 0;
    }
    return bytes_[offset_++];
  }

  Bytes bytes_;
  std::size_t offset_ = 0;
  bool truncated_ = false;
  bool malformed_ = false;
};

inline void put_head(ByteWriter& out, Major major, std::uint64_t value) {
  const auto top = static_cast<std::uint8_t>(static_cast<std::uint8_t>(major) << 5);
  if (value < 24) {
    out.u8(static_cast<std::uint8_t>(top | value));
    return;
  }
  unsigned info = 24;
  while (info < 27 && value >> (8u << (info - 24)) != 0) ++info;
  out.u8(static_cast<std::uint8_t>(top | info));
  for (unsigned width = 1u << (info - 24); width > 0; --width) {
    out.u8(static_cast<std::uint8_t>(value >> (8 * (width - 1))));
  }
}
inline void put_string(ByteWriter& out, Major major, Bytes bytes) {
  put_head(out, major, bytes.size());
  out.bytes(bytes);
}

}  // namespace sotto::model_update
