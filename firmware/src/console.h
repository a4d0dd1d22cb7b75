// Text to the host's console, without printf: numbers in decimal and hexadecimal.
#pragma once

#include <cstdint>

namespace sotto::console {

void print(const char* text);
void print(std::uint32_t number);
void print_hex(std::uint32_t number);  // 8 digits

// Prints its arguments one after the other, then ends the line.
template <typename... Parts>
void line(Parts... parts) {
  (print(parts), ...);
  print("\n");
}

}  // namespace sotto::console
