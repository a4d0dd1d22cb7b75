#include "sotto/base/clock.h"

namespace sotto {

SystemClock::SystemClock()
    : wall_start_(std::chrono::system_clock::now()), steady_start_(std::chrono::steady_clock::now()) {}

Time SystemClock::now() const {
  const auto wall = wall_start_ + (std::chrono::steady_clock::now() - steady_start_);
  return {std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count()};
}

}  // namespace sotto
