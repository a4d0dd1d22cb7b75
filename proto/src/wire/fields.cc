#include "fields.h"

#include <algorithm>

#include "sotto/base/limits.h"

namespace sotto::proto {

Status check_integer(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value >= low && value <= high) return {};
  return to_status(whole_error(field, value, whole(low, high)));
}

Status check_length(const char* field, std::size_t bytes, std::size_t low, std::size_t high) {
  if (bytes >= low && bytes <= high) return {};
  return to_status(length_error(field, "bytes", bytes, whole(low, high)));
}

Status check_name(const char* field, const std::string& name) {
  FieldCheck check(/*dependent=*/false);
  check(Field{.name = field}, name, name_of(1, limits::kNameBytesMax));
  return to_status(check.error());
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, limits::kReasonBytesMax));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return result;
}

std::vector<std::uint8_t> to_bytes(const std::string& from) { return {from.begin(), from.end()}; }

std::string to_string_bytes(Bytes from) { return {from.begin(), from.end()}; }

}  // namespace sotto::proto
