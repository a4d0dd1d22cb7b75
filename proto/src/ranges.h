// Tables of range checks: one row per field, so that a refusal always names the field, its value and what is
// allowed.
#pragma once

#include <span>
#include <string>

#include "sotto/base/status.h"

namespace sotto::proto {

enum class Ends : std::uint8_t { kClosed, kOpenBelow, kOpenAbove };

// Integers up to 2^53 are exact in `value`; every bound lies below that.
struct Range {
  const char* field;
  double value;
  double low;
  double high;
  Ends ends = Ends::kClosed;
};

// The first row whose value is outside (NaN is), as kInvalidArgument: "participants = 2: must be 3 ..
// 200000".
[[nodiscard]] Status check_ranges(std::span<const Range> ranges);
// Integers without a fraction, everything else with up to nine digits.
[[nodiscard]] std::string format_number(double value);

}  // namespace sotto::proto
