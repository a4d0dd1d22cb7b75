#include "ranges.h"

#include <cmath>
#include <cstdio>

namespace sotto::proto {
namespace {

bool inside(const Range& range) {
  const bool above = range.ends == Ends::kOpenBelow ? range.value > range.low : range.value >= range.low;
  const bool below = range.ends == Ends::kOpenAbove ? range.value < range.high : range.value <= range.high;
  return above && below;
}

std::string allowed(const Range& range) {
  const std::string low = format_number(range.low);
  const std::string high = format_number(range.high);
  switch (range.ends) {
    case Ends::kClosed:
      return low == high ? low : low + " .. " + high;
    case Ends::kOpenBelow:
      return "above " + low + ", at most " + high;
    case Ends::kOpenAbove:
      return "at least " + low + ", below " + high;
  }
  return low + " .. " + high;
}

}  // namespace

Status check_ranges(std::span<const Range> ranges) {
  for (const Range& range : ranges) {
    if (inside(range)) continue;
    return invalid_argument(std::string(range.field) + " = " + format_number(range.value) + ": must be " +
                            allowed(range));
  }
  return {};
}

std::string format_number(double value) {
  const bool whole = std::isfinite(value) && std::trunc(value) == value && std::abs(value) < 0x1p63;
  char text[40];
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", value);
  return text;
}

}  // namespace sotto::proto
