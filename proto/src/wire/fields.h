// Checks of single fields, shared by the conversions. `field` is "Message.field" in every refusal.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/enum_names.h"
#include "sotto/base/field_status.h"
#include "sotto/base/result.h"

namespace sotto::proto {

// kInvalidArgument "field = value: must be low .. high".
[[nodiscard]] Status check_integer(const char* field, std::uint64_t value, std::uint64_t low,
                                   std::uint64_t high);
// kInvalidArgument "field has N bytes: must have low .. high".
[[nodiscard]] Status check_length(const char* field, std::size_t bytes, std::size_t low, std::size_t high);
// kInvalidArgument unless valid_name().
[[nodiscard]] Status check_name(const char* field, const std::string& name);

// Printable ASCII, at most limits::kReasonBytesMax bytes.
[[nodiscard]] std::string printable(std::string_view text);

[[nodiscard]] std::vector<std::uint8_t> to_bytes(const std::string& from);
[[nodiscard]] std::string to_string_bytes(Bytes from);

// Copies into a fixed-size array; kInvalidArgument unless the length is exactly N.
template <std::size_t N>
[[nodiscard]] Status copy_exactly(const char* field, const std::string& from,
                                  std::array<std::uint8_t, N>& to) {
  SOTTO_RETURN_IF_ERROR(check_length(field, from.size(), N, N));
  std::memcpy(to.data(), from.data(), N);
  return {};
}

// Sets `to` to the enumerator numbered `value`.
template <NamedEnum E>
[[nodiscard]] Status copy_enumerator(const char* field, std::uint32_t value, E& to) {
  SOTTO_RETURN_IF_ERROR(check_integer(field, value, number_of(first_of<E>()), number_of(last_of<E>())));
  to = static_cast<E>(value);
  return {};
}

}  // namespace sotto::proto
