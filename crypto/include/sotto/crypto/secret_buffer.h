// Secret bytes whose number is known at run time only, such as a key in the form in which files hold it: not
// copyable, not printable, wiped at the end of life. On the heap, for machines with files; what a board needs
// is SecretBytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/crypto/secret_bytes.h"

namespace sotto::crypto {

class SecretBuffer {
 public:
  SecretBuffer() = default;
  // All zero.
  explicit SecretBuffer(std::size_t size) : bytes_(new std::uint8_t[size]()), size_(size), capacity_(size) {}
  explicit SecretBuffer(Bytes bytes) : SecretBuffer(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  explicit SecretBuffer(std::string_view text) { append(text); }
  ~SecretBuffer() { wipe({bytes_.get(), capacity_}); }
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  // Moving leaves the source empty.
  SecretBuffer(SecretBuffer&& other) noexcept { swap(other); }
  SecretBuffer& operator=(SecretBuffer&& other) noexcept {
    SecretBuffer(std::move(other)).swap(*this);
    return *this;
  }

  // Explicit on purpose: every place that touches the secret is found by searching for "reveal".
  [[nodiscard]] Bytes reveal() const { return {bytes_.get(), size_}; }
  [[nodiscard]] MutableBytes reveal_mutable() { return {bytes_.get(), size_}; }
  [[nodiscard]] std::string_view reveal_text() const { return bytes_text(reveal()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Memory that is outgrown is wiped.
  void append(Bytes more) {
    if (more.size() > capacity_ - size_) {
      SecretBuffer larger(std::max(size_ + more.size(), 2 * capacity_));
      std::copy_n(bytes_.get(), size_, larger.bytes_.get());
      larger.size_ = size_;
      swap(larger);
    }
    std::copy(more.begin(), more.end(), bytes_.get() + size_);
    size_ += more.size();
  }
  void append(std::string_view text) { append(text_bytes(text)); }
  // Keeps the first `size` bytes and wipes the others. Requires size <= this->size().
  void truncate(std::size_t size) {
    wipe(reveal_mutable().subspan(size));
    size_ = size;
  }

  // In time that depends on the lengths only.
  friend bool operator==(const SecretBuffer& a, const SecretBuffer& b) {
    return constant_time_equal(a.reveal(), b.reveal());
  }

 private:
  void swap(SecretBuffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sotto::crypto
