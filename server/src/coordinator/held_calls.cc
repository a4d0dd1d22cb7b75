#include "coordinator/held_calls.h"

namespace sotto::server {

void HeldCalls::hold(CallId call, const SessionToken& session, Time deadline) {
  held_.insert_or_assign(call.value, session);
  order_.emplace_back(deadline, call);
}

void HeldCalls::hold_untimed(CallId call, const SessionToken& session) {
  held_.insert_or_assign(call.value, session);
}

std::optional<SessionToken> HeldCalls::release(CallId call) {
  const auto found = held_.find(call.value);
  if (found == held_.end()) return std::nullopt;
  const SessionToken session = found->second;
  held_.erase(found);
  drop_released();
  return session;
}

std::optional<std::pair<CallId, SessionToken>> HeldCalls::pop_due(Time now) {
  if (order_.empty() || order_.front().first > now) return std::nullopt;
  const CallId call = order_.front().second;
  const std::optional<SessionToken> session = release(call);
  return std::make_pair(call, *session);
}

void HeldCalls::drop_released() {
  while (!order_.empty() && !held_.contains(order_.front().second.value)) order_.pop_front();
}

}  // namespace sotto::server
