#include "console.h"

#include <array>

#include "semihosting.h"

namespace sotto::console {

void print(const char* text) { semihosting::write(text); }

void print(std::uint32_t number) {
  std::array<char, 11> digits{};  // 4294967295 and NUL
  auto first = digits.size() - 1;
  do {
    digits[--first] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  print(&digits[first]);
}

void print_hex(std::uint32_t number) {
  std::array<char, 9> digits{};
  for (std::uint32_t place = 0; place < 8; ++place)
    digits[place] = "0123456789abcdef"[number >> (28 - 4 * place) & 0xf];
  print(digits.data());
}

}  // namespace sotto::console
