#include "fields.h"

#include <algorithm>

#include "sotto/base/limits.h"
#include "sotto/proto/messages.h"

namespace sotto::proto {
namespace {

std::string allowed(std::uint64_t low, std::uint64_t high) {
  return low == high ? std::to_string(low) : std::to_string(low) + " .. " + std::to_string(high);
}

}  // namespace

Status check_integer(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value >= low && value <= high) return {};
  return invalid_argument(std::string(field) + " = " + std::to_string(value) + ": must be " +
                          allowed(low, high));
}

Status check_length(const char* field, std::size_t bytes, std::size_t low, std::size_t high) {
  if (bytes >= low && bytes <= high) return {};
  return invalid_argument(std::string(field) + " has " + std::to_string(bytes) + " bytes: must have " +
                          allowed(low, high));
}

Status check_name(const char* field, const std::string& name) {
  if (valid_name(name)) return {};
  return invalid_argument(std::string(field) + " has " + std::to_string(name.size()) +
                          " bytes or a character outside the set: must be 1 .. " +
                          std::to_string(limits::kNameBytesMax) + " bytes of [A-Za-z0-9._-]");
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
