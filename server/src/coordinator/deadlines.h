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

// A task's round as a whole (the end of its joining, the start of the next round), or one of its cohorts'
// steps.
struct DeadlineKey {
  TaskId task;
  std::optional<CohortId> cohort;
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
