#include "coordinator/session_table.h"

#include "sotto/base/check.h"

namespace sotto::server {

Session& SessionTable::create(Random& random, const std::string& device_id, TaskId task, RoundId round) {
  SessionToken token;
  do {
    random.fill(token.value);
  } while (sessions_.contains(token));
  auto session = std::make_unique<Session>();
  session->token = token;
  session->device_id = device_id;
  session->task = task;
  session->round = round;
  const bool fresh = live_.emplace(device_id, token).second;
  SOTTO_CHECK(fresh);
  return *sessions_.emplace(token, std::move(session)).first->second;
}

Session* SessionTable::find(const SessionToken& token) {
  const auto found = sessions_.find(token);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Session* SessionTable::live_session_of(const std::string& device_id) {
  const auto found = live_.find(device_id);
  return found == live_.end() ? nullptr : find(found->second);
}

void SessionTable::end(Session& session, proto::ExchangeReply reply, Time now) {
  SOTTO_CHECK(session.stage != Session::Stage::kEnded);
  session.stage = Session::Stage::kEnded;
  session.end = std::move(reply);
  session.join_payload = {};
  live_.erase(session.device_id);
  ended_.emplace_back(now + kEndedKept, session.token);
}

void SessionTable::forget_ended(Time now, bool all) {
  while (!ended_.empty() && (all || ended_.front().first <= now)) {
    sessions_.erase(ended_.front().second);
    ended_.pop_front();
  }
}

}  // namespace sotto::server
