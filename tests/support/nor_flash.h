// A NOR flash in memory that keeps the rules of sotto/base/flash.h and whose power can be cut in any of its
// operations. Breaking a rule stops the test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "sotto/base/check.h"
#include "sotto/base/flash.h"

namespace sotto::support {

// Where in an operation the power goes.
enum class Cut : std::uint8_t { kBefore, kTorn, kAfter };

class NorFlash final : public Flash {
 public:
  explicit NorFlash(const FlashGeometry& geometry)
      : geometry_(geometry), bytes_(geometry.bytes(), kErasedByte) {}

  // The power goes in operation `operation` from now on, counted from 0; `seed` says how a torn one ends.
  void cut_at(std::uint64_t operation, Cut cut, std::uint32_t seed = 1) {
    cut_operation_ = operations_ + operation;
    cut_ = cut;
    draws_ = seed;
  }
  // The power comes back: what is in the memory stays.
  void power_on() {
    off_ = false;
    cut_operation_ = std::numeric_limits<std::uint64_t>::max();
  }
  [[nodiscard]] bool is_off() const { return off_; }
  // Programs and erasures so far.
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] MutableBytes bytes() { return bytes_; }

  [[nodiscard]] FlashGeometry geometry() const override { return geometry_; }
  [[nodiscard]] bool read(std::uint32_t offset, MutableBytes out) override {
    SOTTO_CHECK(offset <= bytes_.size() && out.size() <= bytes_.size() - offset);
    if (off_) return false;
    std::copy_n(bytes_.begin() + offset, out.size(), out.begin());
    return true;
  }
  [[nodiscard]] bool program(std::uint32_t offset, Bytes words) override {
    SOTTO_CHECK(offset % geometry_.word_bytes == 0 && words.size() % geometry_.word_bytes == 0);
    SOTTO_CHECK(offset <= bytes_.size() && words.size() <= bytes_.size() - offset);
    if (off_) return false;
    for (std::size_t i = 0; i < words.size(); ++i) SOTTO_CHECK(bytes_[offset + i] == kErasedByte);
    const bool cut = is_cut();
    if (cut && cut_ == Cut::kBefore) return false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      // Any bits of a torn word may have been cleared, in any order of the words.
      bytes_[offset + i] = static_cast<std::uint8_t>(words[i] | (torn() ? draw() : 0));
    }
    return !cut;
  }
  [[nodiscard]] bool erase(std::uint32_t page) override {
    SOTTO_CHECK(page < geometry_.pages);
    if (off_) return false;
    const bool cut = is_cut();
    if (cut && cut_ == Cut::kBefore) return false;
    for (std::size_t i = 0; i < geometry_.page_bytes; ++i) {
      std::uint8_t& byte = bytes_[std::size_t{page} * geometry_.page_bytes + i];
      byte = static_cast<std::uint8_t>(byte | (torn() ? draw() : kErasedByte));
    }
    return !cut;
  }

 private:
  bool is_cut() {
    off_ = operations_ == cut_operation_;
    ++operations_;
    return off_;
  }
  [[nodiscard]] bool torn() const { return off_ && cut_ == Cut::kTorn; }
  // Bits that did not change: often none or all of a byte's.
  std::uint8_t draw() {
    draws_ = draws_ * 1664525u + 1013904223u;
    const std::uint32_t kind = draws_ >> 30;
    return kind == 0 ? std::uint8_t{0} : kind == 1 ? kErasedByte : static_cast<std::uint8_t>(draws_ >> 16);
  }

  const FlashGeometry geometry_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t operations_ = 0;
  std::uint64_t cut_operation_ = std::numeric_limits<std::uint64_t>::max();
  Cut cut_ = Cut::kBefore;
  std::uint32_t draws_ = 1;
  bool off_ = false;
};

}  // namespace sotto::support
