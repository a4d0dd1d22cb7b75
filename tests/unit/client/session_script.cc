#include "session_script.h"

#include <gmock/gmock.h>

#include <utility>

#include "sotto/base/limits.h"

namespace sotto::client {

bool same_request(const Request& a, const Request& b) {
  if (a.index() != b.index()) return false;
  if (const auto* check_in = std::get_if<proto::CheckInRequest>(&a)) {
    return *check_in == std::get<proto::CheckInRequest>(b);
  }
  if (const auto* fetch = std::get_if<proto::FetchModelRequest>(&a)) {
    const auto& other = std::get<proto::FetchModelRequest>(b);
    return fetch->task == other.task && fetch->version == other.version && fetch->offset == other.offset;
  }
  if (const auto* exchange = std::get_if<proto::ExchangeRequest>(&a)) {
    const auto& other = std::get<proto::ExchangeRequest>(b);
    return exchange->token == other.token && exchange->step == other.step && exchange->poll == other.poll &&
           exchange->payload == other.payload;
  }
  return std::get<proto::AbandonRequest>(a).reason == std::get<proto::AbandonRequest>(b).reason;
}

LocalUpdate good_update() {
  return {.delta = {0.5f, -0.25f, 0, 1, -1, 0.125f, 0.75f, 3},  // the last one is beyond the clip
          .metrics = {.weight = 16, .examples = 20, .sums = {11, 12.5}}};
}

SessionScript::SessionScript(Task task_in, SessionOptions options_in)
    : task(std::move(task_in)),
      options(std::move(options_in)),
      session(Session::create(options, {keys, rounding})) {}

Session::Action SessionScript::offer_plan() { return reply(proto::CheckInReply(task.offer(kToken))); }

Session::Action SessionScript::download() {
  Session::Action action = session.start(now);
  action = offer_plan();
  while (std::holds_alternative<Session::Send>(action)) {
    action = reply(chunk_of(task, sent<proto::FetchModelRequest>(action)));
  }
  return action;
}

Session::Action SessionScript::join() {
  const Session::Action training = download();
  EXPECT_TRUE(std::holds_alternative<Session::Train>(training));
  return session.on_trained(good_update(), now);
}

Session::Action SessionScript::finish_wait(const Session::Action& action) {
  now = as<Session::Wait>(action).until;
  return session.on_timer(now);
}

void expect_left(SessionScript& script, const Session::Action& action, StatusCode code,
                 const std::string& what) {
  const auto abandon = sent<proto::AbandonRequest>(action);
  EXPECT_EQ(abandon.token, kToken);
  EXPECT_THAT(abandon.reason, testing::HasSubstr(what.substr(0, 20)));
  EXPECT_LE(abandon.reason.size(), limits::kReasonBytesMax);
  const auto done = as<Session::Done>(script.reply(Abandoned{}));
  EXPECT_EQ(done.status.code(), code);
  EXPECT_THAT(done.status.message(), testing::HasSubstr(what));
  EXPECT_FALSE(done.counted);
  EXPECT_GT(done.check_in_after, script.now);
}

}  // namespace sotto::client
