// The session machine from the join to the coordinator's last word.
#include <fmt/core.h>

#include <algorithm>

#include "machine.h"
#include "plan_policy.h"
#include "sotto/client/ledger.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::client {
namespace {

StatusCode code_of(proto::LedgerRefusal refusal) {
  const bool spent = refusal == proto::LedgerRefusal::kModelSpent ||
                     refusal == proto::LedgerRefusal::kTaskSpent ||
                     refusal == proto::LedgerRefusal::kPeriodSpent;
  return spent ? StatusCode::kResourceExhausted : StatusCode::kFailedPrecondition;
}

}  // namespace

// What join and charge write is on disk before the message leaves: the caller makes it first and sends it
// last.
std::optional<Session::Action> Session::Impl::ask_ledger(LedgerEntry entry, Time now) {
  if (options_.has_clock) {
    const Status age = proto::check_plan_age(*plan_, now);
    if (!age.ok()) return leave(age.with_context("plan refused"), own_pause(now));
  }
  if (options_.ledger == nullptr) return std::nullopt;
  const LedgerPlan plan{.coordinator = coordinator_,
                        .task = plan_->task,
                        .round = plan_->round,
                        .version = plan_->model_version,
                        .model = plan_->model_digest,
                        .plan = crypto::sha256({plan_bytes_})};
  std::optional<std::uint64_t> now_s;
  if (options_.has_clock) now_s = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ms, 0)) / 1000;
  const Result<LedgerVerdict> verdict = entry == LedgerEntry::kLook   ? options_.ledger->look(plan, now_s)
                                        : entry == LedgerEntry::kJoin ? options_.ledger->join(plan, now_s)
                                                                      : options_.ledger->charge(plan, now_s);
  if (!verdict) return leave(verdict.error().with_context("the ledger"), own_pause(now));
  if (verdict->allowed()) return std::nullopt;
  return leave(Status(code_of(verdict->refusal->refusal), "plan refused: " + verdict->sentence),
               own_pause(now), verdict->refusal);
}

Session::Action Session::Impl::send_join(std::vector<std::uint8_t> update, Time now) {
  proto::Parties parties{.identity = options_.identity, .now = unix_seconds(now)};
  if (plan_->aggregation.kind == proto::Aggregation::kOneShot) {
    helpers_ = helpers_of(*plan_, options_);
    parties.helpers = {.keys = helpers_, .check_key = &check_key_};
  }
  contribution_.emplace(*plan_, plan_bytes_, std::move(update), parties, keys_);
  std::vector<std::uint8_t> payload;
  phase_ = Phase::kExchanging;
  step_ = proto::Step::kJoin;
  if (const Rejection rejection = contribution_->join(payload); !accepted(rejection)) {
    return reject(rejection, "the plan", now);
  }
  if (auto left = ask_ledger(LedgerEntry::kJoin, now)) return *left;
  const bool vector_leaves = plan_->aggregation.kind == proto::Aggregation::kOneShot;
  if (vector_leaves) {
    if (auto left = ask_ledger(LedgerEntry::kCharge, now)) return *left;
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
  if (next.next == proto::Step::kCollect) {
    if (auto left = ask_ledger(LedgerEntry::kCharge, now)) return *left;
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
