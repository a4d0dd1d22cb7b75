// Text for HTML and SVG: escaping, and numbers as people read them, whatever the locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sotto::simulation {

// Safe between tags and inside quoted attributes.
[[nodiscard]] std::string escape(std::string_view text);
// `digits` after the point; "-" for a value that is not finite.
[[nodiscard]] std::string fixed(double value, int digits);
// 0.8771 as "87.7 %".
[[nodiscard]] std::string percent(double fraction);
// 1234567 as "1.23 MB".
[[nodiscard]] std::string byte_count(double bytes);

}  // namespace sotto::simulation
