// Time as a value and the clock as an interface. Core code never reads a clock: it is handed `now`.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace sotto {

// Milliseconds since the Unix epoch (real clock) or since the start of a simulation (virtual clock).
struct Time {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(const Time&, const Time&) = default;
  friend constexpr Time operator+(Time t, std::chrono::milliseconds d) { return {t.ms + d.count()}; }
  friend constexpr std::chrono::milliseconds operator-(Time a, Time b) {
    return std::chrono::milliseconds(a.ms - b.ms);
  }
};

inline constexpr Time kNever{INT64_MAX};

// Whole seconds since the Unix epoch; 0 before it.
[[nodiscard]] constexpr std::uint64_t unix_seconds(Time time) {
  return time.ms < 0 ? 0 : static_cast<std::uint64_t>(time.ms) / 1000;
}

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

// Wall-clock time that never runs backwards within a process. Thread-safe.
class SystemClock final : public Clock {
 public:
  SystemClock();
  [[nodiscard]] Time now() const override;

 private:
  std::chrono::system_clock::time_point wall_start_;
  std::chrono::steady_clock::time_point steady_start_;
};

// Moves only when told to. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return now_; }
  // Moves to `time` unless that lies in the past.
  void advance_to(Time time) {
    if (time > now_) now_ = time;
  }

 private:
  Time now_;
};

}  // namespace sotto
