#include "coordinator/visit_table.h"

#include "sotto/base/check.h"

namespace sotto::server {

Visit& VisitTable::create(Random& random, const std::string& device_id, TaskId task, RoundId round) {
  SessionToken token;
  do {
    random.fill(token.value);
  } while (visits_.contains(token));
  auto visit = std::make_unique<Visit>();
  visit->token = token;
  visit->device_id = device_id;
  visit->task = task;
  visit->round = round;
  const bool fresh = live_.emplace(device_id, token).second;
  SOTTO_CHECK(fresh);
  return *visits_.emplace(token, std::move(visit)).first->second;
}

Visit* VisitTable::find(const SessionToken& token) {
  const auto found = visits_.find(token);
  return found == visits_.end() ? nullptr : found->second.get();
}

Visit* VisitTable::live_visit_of(const std::string& device_id) {
  const auto found = live_.find(device_id);
  return found == live_.end() ? nullptr : find(found->second);
}

void VisitTable::end(Visit& visit, proto::ExchangeReply reply, Time now) {
  SOTTO_CHECK(visit.stage != Visit::Stage::kEnded);
  visit.stage = Visit::Stage::kEnded;
  visit.end = std::move(reply);
  visit.join_payload = {};
  live_.erase(visit.device_id);
  ended_.emplace_back(now + kEndedKept, visit.token);
}

void VisitTable::forget_ended(Time now, bool all) {
  while (!ended_.empty() && (all || ended_.front().first <= now)) {
    visits_.erase(ended_.front().second);
    ended_.pop_front();
  }
}

}  // namespace sotto::server
