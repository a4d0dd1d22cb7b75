// A fixed number of secret bytes: not copyable, not printable, wiped at the end of life. Freestanding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"

namespace sotto::crypto {

void wipe(MutableBytes bytes);
[[nodiscard]] bool constant_time_equal(Bytes a, Bytes b);

template <std::size_t Count>
class SecretBytes {
 public:
  SecretBytes() = default;  // all zero
  ~SecretBytes() { wipe(bytes_); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  // Moving wipes the source.
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }

  // Explicit on purpose: every place that touches the secret is found by searching for "reveal".
  [[nodiscard]] std::span<const std::uint8_t, Count> reveal() const { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, Count> reveal_mutable() { return bytes_; }

  // Constant time.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b) {
    return constant_time_equal(a.bytes_, b.bytes_);
  }

 private:
  std::array<std::uint8_t, Count> bytes_{};
};

}  // namespace sotto::crypto
