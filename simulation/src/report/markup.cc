#include "report/markup.h"

#include <array>
#include <charconv>
#include <cmath>

namespace sotto::simulation {

std::string escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char character : text) {
    switch (character) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += character;
    }
  }
  return escaped;
}

std::string fixed(double value, int digits) {
  std::array<char, 400> text{};  // the largest double has 309 digits
  if (!std::isfinite(value)) return "-";
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits);
  return error == std::errc() ? std::string(text.data(), end) : "-";
}

std::string percent(double fraction) { return fixed(100 * fraction, 1) + " %"; }

std::string byte_count(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
  return fixed(bytes, digits) + " " + std::string(kUnits[unit]);
}

}  // namespace sotto::simulation
