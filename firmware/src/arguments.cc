#include "arguments.h"

#include <cstddef>

#include "semihosting.h"

namespace sotto::board {
namespace {

// What follows "name=" in `word`, or nullptr.
const char* value_in(const char* word, const char* name) {
  while (*name != '\0' && *word == *name) ++word, ++name;
  return *name == '\0' && *word == '=' ? word + 1 : nullptr;
}

}  // namespace

Arguments::Arguments() {
  if (!semihosting::command_line(line_)) line_.fill('\0');
  for (char& character : line_)
    if (character == ' ') character = '\0';
}

const char* Arguments::text(const char* name) const {
  for (std::size_t at = 0; at + 1 < line_.size(); ++at) {
    const bool begins_word = line_[at] != '\0' && (at == 0 || line_[at - 1] == '\0');
    const char* const value = begins_word ? value_in(&line_[at], name) : nullptr;
    if (value != nullptr) return value;
  }
  return nullptr;
}

std::uint32_t Arguments::number(const char* name, std::uint32_t otherwise) const {
  const char* digit = text(name);
  if (digit == nullptr || *digit == '\0') return otherwise;
  std::uint64_t value = 0;
  for (; *digit != '\0'; ++digit) {
    if (*digit < '0' || *digit > '9') return otherwise;
    value = value * 10 + static_cast<std::uint64_t>(*digit - '0');
    if (value > 0xffffffffu) return otherwise;
  }
  return static_cast<std::uint32_t>(value);
}

}  // namespace sotto::board
