// Lists, bytes and texts of bounded length, stored in place: what a record may hold that must exist without a
// heap. Freestanding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace sotto {

// At most `Capacity` values in order. Elements beyond size() are values of `T` that nobody reads.
template <typename T, std::size_t Capacity>
class InlineList {
 public:
  using value_type = T;
  static constexpr std::size_t kCapacity = Capacity;

  constexpr InlineList() = default;
  // Requires values.size() <= Capacity.
  constexpr InlineList(std::initializer_list<T> values) {
    for (const T& value : values) static_cast<void>(push_back(value));
  }

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

  // False, and nothing changes, when the list is full.
  [[nodiscard]] constexpr bool push_back(const T& value) {
    if (size_ == Capacity) return false;
    elements_[size_++] = value;
    return true;
  }
  // False, and nothing changes, when `values` are too many.
  [[nodiscard]] constexpr bool assign(std::span<const T> values) {
    if (!resize(values.size())) return false;
    for (std::size_t i = 0; i < values.size(); ++i) elements_[i] = values[i];
    return true;
  }
  // New elements are `T{}`. False, and nothing changes, when `size` is too much.
  [[nodiscard]] constexpr bool resize(std::size_t size) {
    if (size > Capacity) return false;
    for (std::size_t i = size_; i < size; ++i) elements_[i] = T{};
    size_ = size;
    return true;
  }

  // Requires i < size().
  [[nodiscard]] constexpr T& operator[](std::size_t i) { return elements_[i]; }
  [[nodiscard]] constexpr const T& operator[](std::size_t i) const { return elements_[i]; }
  [[nodiscard]] constexpr T* data() { return elements_.data(); }
  [[nodiscard]] constexpr const T* data() const { return elements_.data(); }
  [[nodiscard]] constexpr T* begin() { return elements_.data(); }
  [[nodiscard]] constexpr T* end() { return elements_.data() + size_; }
  [[nodiscard]] constexpr const T* begin() const { return elements_.data(); }
  [[nodiscard]] constexpr const T* end() const { return elements_.data() + size_; }

  friend constexpr bool operator==(const InlineList& a, const InlineList& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i) {
      if (!(a.elements_[i] == b.elements_[i])) return false;
    }
    return true;
  }

 private:
  std::array<T, Capacity> elements_{};
  std::size_t size_ = 0;
};

template <std::size_t Capacity>
using InlineBytes = InlineList<std::uint8_t, Capacity>;

template <std::size_t Capacity>
class InlineText : public InlineList<char, Capacity> {
 public:
  constexpr InlineText() = default;
  // Implicit, so that a record's text has a default like any other field. A longer literal does not compile.
  template <std::size_t Size>
  requires(Size - 1 <= Capacity)
      // NOLINTNEXTLINE(google-explicit-constructor)
      constexpr InlineText(const char (&text)[Size]) {
    static_cast<void>(this->assign(std::span<const char>(text, Size - 1)));
  }
  [[nodiscard]] constexpr std::string_view view() const { return {this->data(), this->size()}; }
  friend constexpr bool operator==(const InlineText& a, const InlineText& b) { return a.view() == b.view(); }
};

}  // namespace sotto
