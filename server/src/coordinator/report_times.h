// How long the devices of a task take: the last times from a round's first plan to a device that is READY, as
// late as it may have been. From them follows who is late.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sotto::server {

class ReportTimes {
 public:
  static constexpr std::size_t kKept = 256;

  // In ms; negative ones (a clock that was set back) count as none.
  void add(std::int64_t ms) {
    const std::int64_t time = std::max<std::int64_t>(ms, 0);
    if (times_.size() < kKept) {
      times_.push_back(time);
    } else {
      times_[next_] = time;
    }
    next_ = (next_ + 1) % kKept;
  }
  [[nodiscard]] bool empty() const { return times_.empty(); }
  // What nine of ten devices need at most, in ms; requires a time.
  [[nodiscard]] std::int64_t usual_ms() const {
    std::vector<std::int64_t> sorted = times_;
    const auto place = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() * 9 + 9) / 10 - 1);
    std::ranges::nth_element(sorted, place);
    return *place;
  }

 private:
  std::vector<std::int64_t> times_;  // a ring once it is full
  std::size_t next_ = 0;
};

}  // namespace sotto::server
