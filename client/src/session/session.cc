// Calls, plan, model and training. The steps after the join are in exchange.cc, the saved form in restore.cc.
#include "sotto/client/session.h"

#include <algorithm>

#include "machine.h"
#include "plan_policy.h"
#include "sotto/base/limits.h"
#include "sotto/proto/encoded_size.h"

namespace sotto::client {
namespace {

bool worth_repeating(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded ||
         code == StatusCode::kResourceExhausted;
}

}  // namespace

std::unique_ptr<Session> Session::create(const SessionOptions& options, SessionRandomness randomness) {
  return std::make_unique<SessionMachine>(options, randomness);
}

SessionMachine::SessionMachine(const SessionOptions& options, SessionRandomness randomness)
    : options_(options), keys_(randomness.keys), rounding_(randomness.rounding) {}

Session::Action SessionMachine::start(Time) {
  SOTTO_CHECK(phase_ == Phase::kIdle);
  phase_ = Phase::kCheckingIn;
  return call(proto::CheckInRequest{.device_id = options_.device_id,
                                    .population = options_.population,
                                    .trainers = options_.trainers,
                                    .parameters_max = options_.parameters_max,
                                    .custom_models = options_.custom_models});
}

Session::Action SessionMachine::on_reply(Result<Reply> reply, Time now) {
  if (phase_ == Phase::kDone || phase_ == Phase::kLeaving) return finish(done_);
  SOTTO_CHECK(!waiting_ && phase_ != Phase::kIdle && phase_ != Phase::kTraining);
  if (!reply) return on_lost_call(reply.error(), now);
  if (phase_ == Phase::kCheckingIn) {
    if (const auto* answer = std::get_if<proto::CheckInReply>(&*reply))
      return on_check_in_reply(*answer, now);
  } else if (phase_ == Phase::kDownloading) {
    if (const auto* answer = std::get_if<proto::ModelChunk>(&*reply)) return on_chunk(*answer, now);
  } else {
    if (const auto* answer = std::get_if<proto::ExchangeReply>(&*reply))
      return on_exchange_reply(*answer, now);
  }
  return reject(Rejection::kMalformed, "the answer to " + call_name(), now);
}

Session::Action SessionMachine::on_timer(Time now) {
  if (phase_ == Phase::kDone) return done_;
  SOTTO_CHECK(waiting_);
  if (now < wait_.until) return wait_;
  return transmit();
}

Session::Action SessionMachine::on_trained(Result<LocalUpdate> update, Time now) {
  if (phase_ == Phase::kDone) return done_;
  SOTTO_CHECK(phase_ == Phase::kTraining);
  model_ = {};
  if (!update) return leave(update.error().with_context("training"), own_pause(now));
  auto encoded = encode_update(*plan_, *update, rounding_);
  if (!encoded) return leave(encoded.error(), own_pause(now));
  return send_join(std::move(*encoded), now);
}

Session::Action SessionMachine::abandon(const std::string& reason, Time now) {
  if (phase_ == Phase::kDone) return done_;
  if (phase_ == Phase::kLeaving) return finish(done_);
  return leave(aborted("left the session: " + reason), now);
}

// ---- calls ----

Session::Action SessionMachine::call(Request request) {
  request_ = std::move(request);
  attempts_ = 0;
  return transmit();
}

Session::Action SessionMachine::transmit() {
  waiting_ = false;
  ++attempts_;
  if (const auto* exchange = std::get_if<proto::ExchangeRequest>(&request_)) {
    uplink_bytes_ += proto::encoded_exchange_bytes(*exchange);
  }
  return Send{request_};
}

// Exponential back-off with full jitter.
Session::Action SessionMachine::on_lost_call(const Status& error, Time now) {
  const Status status = error.with_context(call_name());
  if (!worth_repeating(error.code()) || attempts_ >= options_.attempts_max) {
    return finish({.status = status, .outcome = status.message(), .check_in_after = own_pause(now)});
  }
  const std::uint64_t grown = std::uint64_t{options_.backoff_first_ms} << std::min(attempts_ - 1, 31u);
  const auto longest = static_cast<std::uint32_t>(std::min<std::uint64_t>(grown, options_.backoff_max_ms));
  return wait({0, longest},
              status.message() + " (attempt " + std::to_string(attempts_) + " of " +
                  std::to_string(options_.attempts_max) + ")",
              now);
}

Session::Action SessionMachine::wait(Pause pause, std::string reason, Time now) {
  waiting_ = true;
  wait_ = {.until = draw(pause, now), .reason = std::move(reason)};
  return wait_;
}

Time SessionMachine::draw(Pause pause, Time now) {
  const std::uint64_t width = pause.max_ms > pause.min_ms ? pause.max_ms - pause.min_ms : 0;
  return now + std::chrono::milliseconds(pause.min_ms + keys_.below(width + 1));
}

Time SessionMachine::own_pause(Time now) {
  return draw({options_.backoff_max_ms / 2, options_.backoff_max_ms}, now);
}

std::string SessionMachine::call_name() const {
  switch (phase_) {
    case Phase::kCheckingIn:
      return "check-in";
    case Phase::kDownloading:
      return "model download";
    default:
      return std::string("step ") + (step_ ? proto::to_string(*step_) : "none");
  }
}

// ---- plan and model ----

Session::Action SessionMachine::on_check_in_reply(const proto::CheckInReply& reply, Time now) {
  if (const auto* offer = std::get_if<proto::PlanOffer>(&reply)) return accept_plan(*offer, now);
  const auto& window = std::get<proto::RetryWindow>(reply);
  attempts_ = 0;
  return wait({window.delay_min_ms, window.delay_max_ms}, window.reason, now);
}

Session::Action SessionMachine::accept_plan(const proto::PlanOffer& offer, Time now) {
  token_ = offer.token;
  auto plan = proto::decode_plan(offer.plan);
  if (!plan) return leave(plan.error().with_context("the coordinator's plan"), own_pause(now));
  Status policy = check_plan_credential(offer, options_);
  if (policy.ok()) policy = check_plan_policy(*plan, options_);
  if (!policy.ok()) {
    return leave(policy.with_context("plan refused"), own_pause(now));
  }
  plan_ = *plan;
  plan_bytes_ = offer.plan;
  accepted_at_ = now;
  download_.emplace(*plan_);
  return fetch_model();
}

Session::Action SessionMachine::fetch_model() {
  phase_ = Phase::kDownloading;
  return call(proto::FetchModelRequest{
      .task = plan_->task, .version = plan_->model_version, .offset = download_->offset()});
}

Session::Action SessionMachine::on_chunk(const proto::ModelChunk& chunk, Time now) {
  Status status = download_->accept(chunk);
  if (status.ok() && !download_->complete()) return fetch_model();
  if (status.ok()) {
    auto parameters = download_->parameters();
    if (parameters) {
      model_ = std::move(*parameters);
      return begin_training(now);
    }
    status = parameters.error();
  }
  if (download_restarted_) return leave(status.with_context("model download failed twice"), own_pause(now));
  download_restarted_ = true;
  download_->restart();
  return fetch_model();
}

Session::Action SessionMachine::begin_training(Time) {
  phase_ = Phase::kTraining;
  download_.reset();
  return Train{{.task = plan_->task,
                .round = plan_->round,
                .model_version = plan_->model_version,
                .model = plan_->model,
                .training = plan_->training,
                .weight_max = plan_->aggregation.weight_max,
                .parameters = model_}};
}

// ---- the end ----

Session::Action SessionMachine::finish(Done done) {
  phase_ = Phase::kDone;
  waiting_ = false;
  request_ = {};
  contribution_.reset();
  download_.reset();
  model_ = {};
  done_ = std::move(done);
  done_.uplink_bytes = uplink_bytes_;
  return done_;
}

Session::Action SessionMachine::leave(Status status, Time check_in_after) {
  std::string reason = status.message();
  done_ = {.status = std::move(status), .outcome = reason, .check_in_after = check_in_after};
  if (!token_) return finish(done_);
  contribution_.reset();
  phase_ = Phase::kLeaving;
  reason.resize(std::min(reason.size(), limits::kReasonBytesMax));
  return call(proto::AbandonRequest{.token = *token_, .reason = std::move(reason)});
}

Session::Action SessionMachine::reject(Rejection rejection, const std::string& message, Time now) {
  return leave(aborted(message + " breaks the protocol: " + describe(rejection)), own_pause(now));
}

}  // namespace sotto::client
