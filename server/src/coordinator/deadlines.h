// What must happen at which time, at most one time per key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sotto/base/clock.h"
#include "sotto/base/ids.h"

namespace sotto::server {

struct DeadlineKey {
  enum class Kind : std::uint8_t {
    kNextRound,  // of the task
    kRecord,     // of the task: an ended round's record is tried again
    kReserve,    // of the task: round numbers are tried again to be reserved
    kJoining,    // of the round
    kLate,       // of the round: those that it still waits for are late
    kStalled,    // of the round: no device has come for a while
    kStep,       // of the cohort
  };
  TaskId task;
  Kind kind = Kind::kNextRound;
  RoundId round{};
  CohortId cohort{};
  friend auto operator<=>(const DeadlineKey&, const DeadlineKey&) = default;
};

class Deadlines {
 public:
  // Replaces the key's earlier time.
  void set(const DeadlineKey& key, Time time);
  void clear(const DeadlineKey& key);
  // kNever when there is none.
  [[nodiscard]] Time next() const;
  // Removes and returns the earliest key with a time at or before `now`.
  [[nodiscard]] std::optional<DeadlineKey> pop_due(Time now);

 private:
  std::map<DeadlineKey, Time> times_;
  std::set<std::pair<Time, DeadlineKey>> order_;
};

}  // namespace sotto::server
