// What is asked of a TOML text before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace sotto::cli {

inline constexpr std::size_t kDotsOfLineMax = 64;
// Whether a line has more dots outside of quotes than any text of ours needs: toml++ follows dotted keys by
// recursion without a bound of its own.
[[nodiscard]] bool nests_too_deep(std::string_view toml);

}  // namespace sotto::cli
