// The firmware's command line: words of the form name=value.
#pragma once

#include <array>
#include <cstdint>

namespace sotto::board {

class Arguments {
 public:
  // Asks the host. Without a command line, or with one that is too long, there are no arguments.
  Arguments();

  // The value of `name`, NUL-terminated and valid as long as this; nullptr when it was not given.
  const char* text(const char* name) const;

  // The same as a number; `otherwise` when it was not given or is no decimal number below 2^32.
  std::uint32_t number(const char* name, std::uint32_t otherwise) const;

 private:
  std::array<char, 512> line_{};  // the words, each ended by NUL
};

}  // namespace sotto::board
