// Calls whose answer is not ready, in the order in which their time runs out. All are held for the same time,
// so that order is the order of arrival.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "sotto/base/clock.h"
#include "sotto/base/ids.h"

namespace sotto::server {

class HeldCalls {
 public:
  // Requires a deadline no earlier than that of any call held before.
  void hold(CallId call, const SessionToken& session, Time deadline);
  // Holds it for as long as it takes: its answer is under way. Requires a call that is not held.
  void hold_untimed(CallId call, const SessionToken& session);
  // The call was answered or cancelled: the session it belonged to, or nothing when it is not held.
  std::optional<SessionToken> release(CallId call);
  // When the oldest call's time runs out; kNever when none is held.
  [[nodiscard]] Time next() const { return order_.empty() ? kNever : order_.front().first; }
  // Releases the oldest call if its time has run out.
  std::optional<std::pair<CallId, SessionToken>> pop_due(Time now);

 private:
  void drop_released();

  std::unordered_map<std::uint64_t, SessionToken> held_;
  std::deque<std::pair<Time, CallId>> order_;  // may name calls already released, never at the front
};

}  // namespace sotto::server
