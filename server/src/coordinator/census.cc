#include "coordinator/census.h"

namespace sotto::server {

void Census::seen(const std::string& device_id, Time now) {
  const auto found = last_seen_.find(device_id);
  if (found != last_seen_.end()) {
    sights_.splice(sights_.begin(), sights_, found->second);
    sights_.front().at = now;
    return;
  }
  if (last_seen_.size() >= max_) {
    last_seen_.erase(sights_.back().device_id);
    sights_.pop_back();
  }
  sights_.push_front({device_id, now});
  last_seen_.emplace(sights_.front().device_id, sights_.begin());
}

std::uint32_t Census::count(Time now) {
  while (!sights_.empty() && sights_.back().at + window_ <= now) {
    last_seen_.erase(sights_.back().device_id);
    sights_.pop_back();
  }
  return static_cast<std::uint32_t>(last_seen_.size());
}

}  // namespace sotto::server
