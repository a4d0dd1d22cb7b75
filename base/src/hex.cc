#include "sotto/base/hex.h"

#include "sotto/base/check.h"

namespace sotto {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void write_hex(Bytes bytes, std::span<char> out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  SOTTO_CHECK(out.size() == 2 * bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

bool read_hex(std::string_view text, MutableBytes out) {
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string to_hex(Bytes bytes) {
  std::string text(2 * bytes.size(), '\0');
  write_hex(bytes, text);
  return text;
}

Result<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return invalid_argument("hexadecimal text has an odd number of digits");
  std::vector<std::uint8_t> bytes(text.size() / 2);
  if (!read_hex(text, bytes)) {
    return invalid_argument("hexadecimal text has a character that is not a digit");
  }
  return bytes;
}

}  // namespace sotto
