// Which refusals a mask helper logs: whoever reaches its port can make it refuse as often as it likes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/base/clock.h"

namespace sotto::server {

// Not thread-safe.
class RefusalLog {
 public:
  // The line for a refusal with this reason; nothing when there were many lately: the first line afterwards
  // counts them.
  [[nodiscard]] std::optional<std::string> line(std::string_view reason, Time now);

  // So many lines in an interval.
  static constexpr int kLinesMax = 10;
  static constexpr std::int64_t kIntervalMs = 60'000;

 private:
  Time began_{};  // the interval
  int lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace sotto::server
