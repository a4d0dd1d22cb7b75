#include "coordinator/visit_table.h"

#include "sotto/base/check.h"
#include "sotto/base/hex.h"

namespace sotto::server {

// No device_id has a '#'.
DeviceKey Visitor::key() const { return identity ? "#" + to_hex(*identity) : device_id; }

Visit& VisitTable::create(Random& random, const Visitor& visitor, TaskId task, RoundId round) {
  SessionToken token;
  do {
    random.fill(token.value);
  } while (visits_.contains(token));
  auto visit = std::make_unique<Visit>();
  visit->token = token;
  visit->visitor = visitor;
  visit->key = visitor.key();
  visit->task = task;
  visit->round = round;
  const bool fresh = live_.emplace(visit->key, token).second;
  SOTTO_CHECK(fresh);
  labelled_[visitor.device_id] = token;
  return *visits_.emplace(token, std::move(visit)).first->second;
}

Visit* VisitTable::find(const SessionToken& token) {
  const auto found = visits_.find(token);
  return found == visits_.end() ? nullptr : found->second.get();
}

Visit* VisitTable::live_visit_of(const DeviceKey& key) {
  const auto found = live_.find(key);
  return found == live_.end() ? nullptr : find(found->second);
}

Visit* VisitTable::live_visit_labelled(const std::string& device_id) {
  const auto found = labelled_.find(device_id);
  return found == labelled_.end() ? nullptr : find(found->second);
}

void VisitTable::end(Visit& visit, proto::ExchangeReply reply, Time now) {
  SOTTO_CHECK(visit.stage != Visit::Stage::kEnded);
  visit.stage = Visit::Stage::kEnded;
  visit.end = std::move(reply);
  visit.join_payload = {};
  live_.erase(visit.key);
  const auto labelled = labelled_.find(visit.device_id());
  if (labelled != labelled_.end() && labelled->second == visit.token) labelled_.erase(labelled);
  ended_.emplace_back(now + kEndedKept, visit.token);
}

void VisitTable::forget_ended(Time now, bool all) {
  while (!ended_.empty() && (all || ended_.front().first <= now)) {
    visits_.erase(ended_.front().second);
    ended_.pop_front();
  }
}

}  // namespace sotto::server
