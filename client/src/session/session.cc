// Calls, plan, model and training. The steps after the join are in exchange.cc, the saved form in restore.cc.
#include "sotto/client/session.h"

#include <fmt/core.h>

#include <algorithm>

#include "machine.h"
#include "plan_policy.h"
#include "sotto/base/limits.h"
#include "sotto/proto/encoded_size.h"
#include "sotto/secagg/bulletin.h"
#include "wiping.h"

namespace sotto::client {
namespace {

SessionOptions with_identity(SessionOptions options, const secagg::Identity* identity) {
  options.identity = identity;
  return options;
}

// In a row. A challenge may end on the way, but not every time.
constexpr std::uint32_t kChallengesMax = 3;

bool worth_repeating(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded ||
         code == StatusCode::kResourceExhausted;
}

}  // namespace

Session Session::create(const SessionOptions& options, SessionRandomness randomness) {
  return Session(std::make_unique<Impl>(options, randomness));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;
Session::Session(Session&& other) noexcept = default;
Session& Session::operator=(Session&& other) noexcept = default;

Session::Action Session::start(Time now) { return impl_->start(now); }
Session::Action Session::on_reply(Result<Reply> reply, Time now) {
  return impl_->on_reply(std::move(reply), now);
}
Session::Action Session::on_timer(Time now) { return impl_->on_timer(now); }
Session::Action Session::on_trained(Result<LocalUpdate> update, Time now) {
  return impl_->on_trained(std::move(update), now);
}
Session::Action Session::abandon(const std::string& reason, Time now) { return impl_->abandon(reason, now); }
std::optional<proto::Step> Session::step() const { return impl_->step(); }
const proto::Plan* Session::plan() const { return impl_->plan(); }
const std::vector<std::uint8_t>& Session::bulletin() const { return impl_->bulletin(); }
const std::vector<std::uint8_t>& Session::pass() const { return impl_->pass(); }
std::vector<std::uint8_t> Session::save() const { return impl_->save(); }
Result<Session::Action> Session::restore(Bytes saved, Time now) { return impl_->restore(saved, now); }

Session::Impl::Impl(const SessionOptions& options, SessionRandomness randomness)
    : identity_(options.identity == nullptr ? std::nullopt : std::optional(*options.identity)),
      options_(with_identity(options, identity_ ? &*identity_ : nullptr)),
      keys_(randomness.keys),
      rounding_(randomness.rounding),
      pass_(options.pass) {}

Session::Action Session::Impl::start(Time) {
  SOTTO_CHECK(phase_ == Phase::kIdle);
  phase_ = Phase::kCheckingIn;
  return call(check_in());
}

proto::CheckInRequest Session::Impl::check_in() const {
  return {.device_id = options_.device_id,
          .population = options_.population,
          .trainers = options_.trainers,
          .parameters_max = options_.parameters_max,
          .custom_models = options_.custom_models,
          .bulletin_edition = identity_ ? identity_->trust.edition : UINT32_MAX,
          .enrolled = identity_.has_value(),
          .pass = pass_};
}

Session::Action Session::Impl::on_reply(Result<Reply> reply, Time now) {
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

Session::Action Session::Impl::on_timer(Time now) {
  if (phase_ == Phase::kDone) return done_;
  SOTTO_CHECK(waiting_);
  if (now < wait_.until) return wait_;
  return transmit();
}

Session::Action Session::Impl::on_trained(Result<LocalUpdate> update, Time now) {
  std::vector<float> nothing;
  const WipedAtEnd wiped(update ? update->delta : nothing);
  if (phase_ == Phase::kDone) return done_;
  SOTTO_CHECK(phase_ == Phase::kTraining);
  model_ = {};
  if (!update) return leave(update.error().with_context("training"), own_pause(now));
  auto encoded = encode_update(*plan_, *update, rounding_);
  if (!encoded) return leave(encoded.error(), own_pause(now));
  return send_join(std::move(*encoded), now);
}

Session::Action Session::Impl::abandon(const std::string& reason, Time now) {
  if (phase_ == Phase::kDone) return done_;
  if (phase_ == Phase::kLeaving) return finish(done_);
  return leave(aborted("left the session: " + reason), now);
}

// ---- calls ----

Session::Action Session::Impl::call(Request request) {
  request_ = std::move(request);
  attempts_ = 0;
  return transmit();
}

Session::Action Session::Impl::transmit() {
  waiting_ = false;
  ++attempts_;
  if (const auto* exchange = std::get_if<proto::ExchangeRequest>(&request_)) {
    uplink_bytes_ += proto::encoded_exchange_bytes(*exchange);
  }
  return Send{request_};
}

// Exponential back-off with full jitter.
Session::Action Session::Impl::on_lost_call(const Status& error, Time now) {
  const Status status = error.with_context(call_name());
  // The coordinator has been restarted, or the round is over: it says so at the first call.
  if (phase_ == Phase::kDownloading && error.code() == StatusCode::kFailedPrecondition) {
    return finish({.status = status,
                   .outcome = status.message(),
                   .check_in_after = draw({options_.backoff_first_ms, 10 * options_.backoff_first_ms}, now)});
  }
  if (!worth_repeating(error.code()) || attempts_ >= options_.attempts_max) {
    return finish({.status = status, .outcome = status.message(), .check_in_after = own_pause(now)});
  }
  const std::uint64_t grown = std::uint64_t{options_.backoff_first_ms} << std::min(attempts_ - 1, 31u);
  const auto longest = static_cast<std::uint32_t>(std::min<std::uint64_t>(grown, options_.backoff_max_ms));
  return wait({0, longest},
              fmt::format("{} (attempt {} of {})", status.message(), attempts_, options_.attempts_max), now);
}

Session::Action Session::Impl::wait(Pause pause, std::string reason, Time now) {
  waiting_ = true;
  wait_ = {.until = draw(pause, now), .reason = std::move(reason)};
  return wait_;
}

Time Session::Impl::draw(Pause pause, Time now) {
  const std::uint64_t width = pause.max_ms > pause.min_ms ? pause.max_ms - pause.min_ms : 0;
  return now + std::chrono::milliseconds(pause.min_ms + keys_.below(width + 1));
}

Time Session::Impl::own_pause(Time now) {
  return draw({options_.backoff_max_ms / 2, options_.backoff_max_ms}, now);
}

std::string Session::Impl::call_name() const {
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

Session::Action Session::Impl::on_check_in_reply(const proto::CheckInReply& reply, Time now) {
  if (const auto* offer = std::get_if<proto::PlanOffer>(&reply)) return accept_plan(*offer, now);
  if (const auto* challenge = std::get_if<proto::Challenge>(&reply)) return on_challenge(*challenge, now);
  const auto& window = std::get<proto::RetryWindow>(reply);
  request_ = check_in();  // a challenge would not hold until then
  attempts_ = 0;
  challenges_ = 0;
  return wait({window.delay_min_ms, window.delay_max_ms}, window.reason, now);
}

// The pass, if there was one, counts no more.
Session::Action Session::Impl::on_challenge(const proto::Challenge& challenge, Time now) {
  pass_.clear();
  if (!identity_) return reject(Rejection::kMalformed, "the answer to check-in", now);
  if (++challenges_ > kChallengesMax) {
    request_ = check_in();
    return on_lost_call(unavailable("the coordinator asks for one signature after the other"), now);
  }
  const secagg::Statement statement = secagg::check_in_statement(challenge.coordinator, challenge.task,
                                                                 challenge.challenge, options_.device_id);
  proto::CheckInRequest request = check_in();
  request.proof =
      proto::CheckInProof{challenge.challenge, challenge.task,
                          secagg::make_credential(identity_->signer, identity_->endorsement, statement)};
  signed_for_ = challenge.coordinator;
  return call(std::move(request));
}

Session::Action Session::Impl::accept_plan(const proto::PlanOffer& offer, Time now) {
  token_ = offer.token;
  if (!offer.pass.empty()) pass_ = offer.pass;
  auto plan = proto::decode_plan(offer.plan);
  // The coordinator's fault, and of this task: it may pass, and is no reason for a device to end.
  if (!plan) return leave(aborted("the coordinator's plan: " + plan.error().message()), own_pause(now));
  Status policy = take_bulletin(offer);
  if (policy.ok()) policy = check_plan_credential(offer, options_, now);
  if (policy.ok() && signed_for_ && offer.credential &&
      secagg::identity_of(offer.credential->key) != *signed_for_) {
    policy = {StatusCode::kPermissionDenied,
              "another coordinator signed it than the one that this device has signed its check-in for"};
  }
  const bool trusted = policy.ok();
  if (trusted) policy = check_plan_policy(*plan, options_, now);
  if (!policy.ok()) {
    return trusted ? refuse_plan(policy, now) : leave(policy.with_context("plan refused"), own_pause(now));
  }
  if (!take_check_key(*plan, offer.check_key)) {
    return leave(
        invalid_argument("the coordinator's offer lacks the check key of a task with two mask helpers"),
        own_pause(now));
  }
  plan_ = *plan;
  plan_bytes_ = offer.plan;
  if (offer.credential) coordinator_ = secagg::identity_of(offer.credential->key);
  accepted_at_ = now;
  if (auto left = ask_ledger(LedgerEntry::kLook, now)) return *left;
  download_.emplace(*plan_);
  return fetch_model();
}

bool Session::Impl::take_check_key(const proto::Plan& plan, Bytes check_key) {
  const bool two_helpers = plan.aggregation.kind == proto::Aggregation::kOneShot && plan.helper_count() > 1;
  if (!two_helpers) return true;
  if (check_key.size() != secagg::kCheckKeyBytes) return false;
  std::copy(check_key.begin(), check_key.end(), check_key_.reveal_mutable().begin());
  return true;
}

// Before anything else is judged: it may say by which key the plan's credential is to be verified.
Status Session::Impl::take_bulletin(const proto::PlanOffer& offer) {
  if (!identity_ || offer.bulletin.empty()) return {};
  std::vector<std::uint8_t> shown = offer.bulletin;
  const secagg::BulletinVerdict verdict = secagg::take_bulletin(shown, identity_->trust);
  if (verdict == secagg::BulletinVerdict::kKnown) return {};
  if (verdict != secagg::BulletinVerdict::kTaken) return {StatusCode::kPermissionDenied, describe(verdict)};
  bulletin_ = std::move(shown);  // what the trust borrows stays where it is
  return {};
}

Session::Action Session::Impl::fetch_model() {
  phase_ = Phase::kDownloading;
  return call(proto::FetchModelRequest{
      .token = *token_, .task = plan_->task, .version = plan_->model_version, .offset = download_->offset()});
}

Session::Action Session::Impl::on_chunk(const proto::ModelChunk& chunk, Time now) {
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

Session::Action Session::Impl::begin_training(Time) {
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

Session::Action Session::Impl::finish(Done done) {
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

Session::Action Session::Impl::leave(Status status, Time check_in_after,
                                     std::optional<proto::LedgerReport> ledger) {
  std::string reason = status.message();
  done_ = {.status = std::move(status), .outcome = reason, .check_in_after = check_in_after};
  done_.plan_refused = refuses_plan_;
  if (!token_) return finish(done_);
  contribution_.reset();
  phase_ = Phase::kLeaving;
  reason.resize(std::min(reason.size(), limits::kReasonBytesMax));
  return call(proto::AbandonRequest{
      .token = *token_, .reason = std::move(reason), .ledger = ledger, .plan_refused = refuses_plan_});
}

Session::Action Session::Impl::refuse_plan(const Status& policy, Time now) {
  refuses_plan_ = true;
  return leave(policy.with_context("plan refused"), own_pause(now));
}

Session::Action Session::Impl::reject(Rejection rejection, const std::string& message, Time now) {
  return leave(aborted(fmt::format("{} breaks the protocol: {}", message, describe(rejection))),
               own_pause(now));
}

}  // namespace sotto::client
