#include "service/endorsement_watch.h"

#include <fmt/core.h>

#include <algorithm>

#include "sotto/host/utc_text.h"

namespace sotto::server {
namespace {

constexpr std::uint64_t kDay = 86'400;
constexpr const char* kAdvice =
    "renew it where the authority is kept (sotto authority renew NAME --coordinator) and start with the new "
    "file";

}  // namespace

std::optional<hosting::Notice> EndorsementWatch::look(Time now) {
  const std::uint64_t now_s = unix_seconds(now);
  if (now_s < said_until_) return std::nullopt;
  if (now_s >= expires_at_) {
    said_until_ = now_s + kDay;
    return hosting::Notice{
        hosting::Notice::Level::kError,
        fmt::format("this coordinator's endorsement has ended, and no device takes its plans: {}", kAdvice)};
  }
  const std::uint64_t left_s = expires_at_ - now_s;
  if (left_s > static_cast<std::uint64_t>(kAhead.count())) return std::nullopt;
  said_until_ = now_s + std::min(kDay, left_s);
  return hosting::Notice{
      hosting::Notice::Level::kWarning,
      fmt::format("this coordinator's endorsement ends at {}, and then no device takes its plans: {}",
                  host::utc_time_of_seconds(expires_at_), kAdvice)};
}

}  // namespace sotto::server
