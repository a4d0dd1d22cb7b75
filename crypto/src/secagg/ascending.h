// Sorting in a fixed stack: std::sort calls itself, as deep as its input makes it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace sotto::secagg {

inline void sort_ascending(std::span<std::uint16_t> values) {
  std::make_heap(values.begin(), values.end());
  std::sort_heap(values.begin(), values.end());
}

}  // namespace sotto::secagg
