// The session machine from the join to the coordinator's last word.
#include <fmt/core.h>

#include "machine.h"
#include "sotto/crypto/primitives.h"

namespace sotto::client {

Session::Action Session::Impl::send_join(std::vector<std::uint8_t> update, Time now) {
  const proto::Parties parties{.identity = options_.identity,
                               .helper = options_.helper_key ? &*options_.helper_key : nullptr,
                               .now = unix_seconds(now)};
  contribution_.emplace(*plan_, plan_bytes_, std::move(update), parties, keys_);
  std::vector<std::uint8_t> payload;
  phase_ = Phase::kExchanging;
  step_ = proto::Step::kJoin;
  if (const Rejection rejection = contribution_->join(payload); !accepted(rejection)) {
    return reject(rejection, "the plan", now);
  }
  return call(proto::ExchangeRequest{.token = *token_,
                                     .step = proto::Step::kJoin,
                                     .poll = false,
                                     .payload = std::move(payload),
                                     .plan_digest = crypto::sha256({plan_bytes_})});
}

Session::Action Session::Impl::send_step(proto::Step step, std::vector<std::uint8_t> payload) {
  step_ = step;
  return call(
      proto::ExchangeRequest{.token = *token_, .step = step, .poll = false, .payload = std::move(payload)});
}

Session::Action Session::Impl::on_exchange_reply(const proto::ExchangeReply& reply, Time now) {
  if (const auto* next = std::get_if<proto::NextStep>(&reply)) return on_next_step(*next, now);
  if (const auto* end = std::get_if<proto::SessionEnd>(&reply)) return on_session_end(*end, now);
  if (const auto* refused = std::get_if<proto::Refused>(&reply)) return on_refused(*refused, now);
  contribution_->steps().keep_waiting();
  const proto::RetryWindow& window = std::get<proto::KeepWaiting>(reply).window;
  request_ = proto::ExchangeRequest{.token = *token_, .step = *step_, .poll = true, .payload = {}};
  attempts_ = 0;
  return wait({window.delay_min_ms, window.delay_max_ms}, window.reason, now);
}

Session::Action Session::Impl::on_next_step(const proto::NextStep& next, Time now) {
  std::vector<std::uint8_t> payload;
  if (const Rejection rejection = contribution_->answer(next, payload); !accepted(rejection)) {
    return reject(rejection, std::string("the coordinator's answer to ") + call_name(), now);
  }
  return send_step(next.next, std::move(payload));
}

Session::Action Session::Impl::on_session_end(const proto::SessionEnd& end, Time now) {
  contribution_->steps().end(end.counted);
  return finish({.counted = end.counted,
                 .status = end.counted ? Status() : aborted(end.outcome),
                 .outcome = end.outcome,
                 .check_in_after = draw({end.window.delay_min_ms, end.window.delay_max_ms}, now)});
}

Session::Action Session::Impl::on_refused(const proto::Refused& refused, Time now) {
  contribution_->steps().refused(refused.reason);
  std::string outcome = fmt::format("the coordinator refused {}: {}", call_name(), describe(refused.reason));
  const bool forgotten = refused.reason == Rejection::kUnknownSession;
  if (forgotten) {
    outcome =
        "the coordinator no longer knows this session (it restarted, or the round ended); check in again";
  }
  const StatusCode code = forgotten ? StatusCode::kFailedPrecondition : StatusCode::kAborted;
  return finish({.status = Status(code, outcome),
                 .outcome = outcome,
                 .check_in_after = draw({refused.window.delay_min_ms, refused.window.delay_max_ms}, now)});
}

}  // namespace sotto::client
