// Drives one session by hand: the test is the coordinator.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "cohort_coordinator.h"

namespace sotto::client {

inline constexpr proto::RetryWindow kWindow{.delay_min_ms = 1000, .delay_max_ms = 3000, .reason = "pacing"};
inline constexpr SessionToken kToken{{1, 2, 3, 4}};

[[nodiscard]] bool same_request(const Request& a, const Request& b);

// A LocalUpdate that fits Task's model.
[[nodiscard]] LocalUpdate good_update();

class SessionScript {
 public:
  explicit SessionScript(Task task_in, SessionOptions options_in = device_options());
  SessionScript(const SessionScript&) = delete;
  SessionScript& operator=(const SessionScript&) = delete;

  // Each returns the session's next action.
  Session::Action reply(Reply answer) { return session.on_reply(std::move(answer), now); }
  Session::Action exchange_reply(proto::ExchangeReply answer) { return reply(std::move(answer)); }
  Session::Action fail(StatusCode code) { return session.on_reply(Status(code, "no answer"), now); }
  Session::Action offer_plan();                                // after start()
  Session::Action download();                                  // from start() to Train
  Session::Action join();                                      // from start() to Send(join)
  Session::Action finish_wait(const Session::Action& action);  // moves time on and fires the timer

  Task task;
  SessionOptions options;
  ReplayableRandom keys{5};
  ReplayableRandom rounding{6};
  Session session;
  Time now{1'000'000};
};

// The alternative that `action` must hold; a failed test and an empty value otherwise.
template <typename Wanted>
Wanted as(const Session::Action& action) {
  const auto* wanted = std::get_if<Wanted>(&action);
  if (wanted == nullptr) {
    ADD_FAILURE() << "the session's action has index " << action.index();
    if constexpr (std::is_default_constructible_v<Wanted>) return {};
    std::abort();
  }
  return *wanted;
}
template <typename Wanted>
Wanted sent(const Session::Action& action) {
  const Request request = as<Session::Send>(action).request;
  const auto* wanted = std::get_if<Wanted>(&request);
  if (wanted == nullptr) ADD_FAILURE() << "the request has index " << request.index();
  return wanted == nullptr ? Wanted{} : *wanted;
}

// The session must abandon, then be done with `code` and a message with `what`.
void expect_left(SessionScript& script, const Session::Action& action, StatusCode code,
                 const std::string& what);

}  // namespace sotto::client
