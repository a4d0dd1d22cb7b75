// The words of an enumeration stand in one table: every enumerator's word and, where people choose among
// them, what it means. Every text, option, file and message takes its words from here. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>

namespace sotto {

template <typename E>
struct EnumName {
  E value;
  const char* word;
  const char* meaning = "";
};

// Specialised beside the enumeration with `static constexpr EnumName<E> kAll[]`: every enumerator once, by
// ascending number and without gaps, so that first .. last are exactly the valid numbers.
template <typename E>
struct EnumNames;

template <typename E>
concept NamedEnum = std::is_enum_v<E> && requires {
  std::size(EnumNames<E>::kAll);
};

template <NamedEnum E>
[[nodiscard]] constexpr std::uint64_t number_of(E value) {
  return static_cast<std::uint64_t>(static_cast<std::underlying_type_t<E>>(value));
}

namespace internal {
template <NamedEnum E>
[[nodiscard]] consteval bool numbered_without_gaps() {
  const std::uint64_t first = number_of(EnumNames<E>::kAll[0].value);
  for (std::size_t i = 0; i < std::size(EnumNames<E>::kAll); ++i) {
    if (number_of(EnumNames<E>::kAll[i].value) != first + i) return false;
  }
  return true;
}
}  // namespace internal

template <NamedEnum E>
[[nodiscard]] constexpr E first_of() {
  static_assert(internal::numbered_without_gaps<E>());
  return EnumNames<E>::kAll[0].value;
}
template <NamedEnum E>
[[nodiscard]] constexpr E last_of() {
  static_assert(internal::numbered_without_gaps<E>());
  return EnumNames<E>::kAll[std::size(EnumNames<E>::kAll) - 1].value;
}

// The table's row, or null for a number that is no enumerator.
template <NamedEnum E>
[[nodiscard]] constexpr const EnumName<E>* find_name(E value) {
  const std::uint64_t number = number_of(value);
  if (number < number_of(first_of<E>()) || number > number_of(last_of<E>())) return nullptr;
  return &EnumNames<E>::kAll[number - number_of(first_of<E>())];
}

// "unknown" for a number that is no enumerator.
template <NamedEnum E>
[[nodiscard]] constexpr const char* word_of(E value) {
  const EnumName<E>* name = find_name(value);
  return name == nullptr ? "unknown" : name->word;
}

template <NamedEnum E>
[[nodiscard]] constexpr std::optional<E> from_word(std::string_view word) {
  for (const EnumName<E>& name : EnumNames<E>::kAll) {
    if (word == name.word) return name.value;
  }
  return std::nullopt;
}

template <NamedEnum E>
[[nodiscard]] constexpr std::optional<E> from_number(std::uint64_t number) {
  if (number < number_of(first_of<E>()) || number > number_of(last_of<E>())) return std::nullopt;
  return static_cast<E>(number);
}

}  // namespace sotto
