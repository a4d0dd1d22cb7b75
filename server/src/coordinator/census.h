// How many devices have been heard of lately, by what they call themselves. An estimate: whoever likes to can
// call itself anything, so nothing but waiting times and the choice among tasks follows from it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sotto/base/clock.h"

namespace sotto::server {

class Census {
 public:
  // Devices count for `window` after they were seen; at most `max` of them, the latest.
  Census(std::chrono::milliseconds window, std::size_t max) : window_(window), max_(max) {}

  // Never narrower than it was.
  void widen(std::chrono::milliseconds window) { window_ = std::max(window_, window); }
  [[nodiscard]] std::chrono::milliseconds window() const { return window_; }

  void seen(const std::string& device_id, Time now);
  [[nodiscard]] std::uint32_t count(Time now);
  // More than can be counted are enough for anything.
  [[nodiscard]] bool at_least(std::uint32_t devices, Time now) {
    return count(now) >= devices || last_seen_.size() >= max_;
  }

 private:
  struct Sight {
    std::string device_id;
    Time at;
  };
  std::chrono::milliseconds window_;
  std::size_t max_;
  std::list<Sight> sights_{};                                                     // latest first
  std::unordered_map<std::string_view, std::list<Sight>::iterator> last_seen_{};  // keys lie in the list
};

}  // namespace sotto::server
