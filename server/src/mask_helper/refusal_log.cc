#include "mask_helper/refusal_log.h"

#include <fmt/core.h>

#include <utility>

namespace sotto::server {

std::optional<std::string> RefusalLog::line(std::string_view reason, Time now) {
  if (now.ms - began_.ms >= kIntervalMs || now < began_) {
    began_ = now;
    lines_ = 0;
  }
  if (lines_ == kLinesMax) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  const std::uint64_t left_out = std::exchange(left_out_, 0);
  if (left_out == 0) return fmt::format("refused: {}", reason);
  return fmt::format("refused: {} (and {} more before, that are not listed)", reason, left_out);
}

}  // namespace sotto::server
