#include "contribution.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sotto/secagg/loss_units.h"
#include "sotto/secagg/one_shot.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/update.h"

namespace sotto::client {
namespace {

constexpr std::size_t kFloatHeaderBytes = 20;

bool is_float(const proto::Plan& plan) { return plan.aggregation.kind == proto::Aggregation::kFloat; }

Status check_update(const proto::Plan& plan, const LocalUpdate& update) {
  if (update.delta.size() != plan.model.parameter_count()) {
    return invalid_argument("the trainer returned " + std::to_string(update.delta.size()) +
                            " values for a model of " + std::to_string(plan.model.parameter_count()) +
                            " parameters");
  }
  const auto wrong = std::find_if(update.delta.begin(), update.delta.end(),
                                  [](float value) { return !std::isfinite(value); });
  if (wrong != update.delta.end()) {
    return invalid_argument("the trainer's delta " + std::to_string(wrong - update.delta.begin()) +
                            " is not a finite number");
  }
  const LocalMetrics& metrics = update.metrics;
  if (metrics.examples == 0) return invalid_argument("the trainer reported 0 examples");
  if (metrics.weight != std::min(metrics.examples, plan.aggregation.weight_max)) {
    return invalid_argument("the trainer reported weight " + std::to_string(metrics.weight) + " for " +
                            std::to_string(metrics.examples) +
                            " examples; it must be the smaller of these and " +
                            std::to_string(plan.aggregation.weight_max));
  }
  if (metrics.correct > metrics.examples) {
    return invalid_argument("the trainer reported " + std::to_string(metrics.correct) + " correct of " +
                            std::to_string(metrics.examples) + " examples");
  }
  if (!std::isfinite(metrics.loss_sum) || metrics.loss_sum < 0) {
    return invalid_argument("the trainer's loss is negative or not a finite number");
  }
  return {};
}

std::vector<std::uint8_t> encode_float_message(const LocalUpdate& update) {
  std::vector<std::uint8_t> message(kFloatHeaderBytes + sizeof(float) * update.delta.size());
  ByteWriter writer(message);
  writer.u32(update.metrics.weight);
  writer.u32(update.metrics.examples);
  writer.u32(update.metrics.correct);
  writer.u64(secagg::loss_units(update.metrics.loss_sum));
  for (const float value : update.delta) writer.f32(value);
  return message;
}

secagg::SessionContext make_context(const proto::Plan& plan, Bytes plan_bytes) {
  return {.round = plan.round.value,
          .plan_digest = crypto::sha256({plan_bytes}),
          .model_digest = plan.model_digest,
          .prg = plan.aggregation.prg};
}

// The plan's own cohort_min is at least the device's (check_plan_policy).
secagg::ParticipantRules make_rules(const proto::Plan& plan) {
  return {.cohort_min = plan.aggregation.cohort_min,
          .participants_max = plan.aggregation.participants_max,
          .adversary = plan.aggregation.adversary,
          .corrupt_fraction = plan.aggregation.corrupt_fraction,
          .dropout_fraction = plan.aggregation.dropout_fraction,
          .graph_verdict = secagg::graph_is_chosen};
}

}  // namespace

std::size_t encoded_update_bytes(const proto::Plan& plan) {
  const std::size_t parameters = plan.model.parameter_count();
  return is_float(plan) ? kFloatHeaderBytes + sizeof(float) * parameters : secagg::update_lanes(parameters);
}

Result<std::vector<std::uint8_t>> encode_update(const proto::Plan& plan, const LocalUpdate& update,
                                                Random& rounding) {
  SOTTO_RETURN_IF_ERROR(check_update(plan, update));
  if (is_float(plan)) return encode_float_message(update);
  std::vector<std::uint8_t> lanes(encoded_update_bytes(plan));
  secagg::UpdateMetrics metrics{.weight = update.metrics.weight,
                                .examples = update.metrics.examples,
                                .correct = update.metrics.correct,
                                .loss_1024 = secagg::loss_units(update.metrics.loss_sum)};
  secagg::quantize_update(update.delta, plan.quantizer(), metrics, rounding, lanes);
  return lanes;
}

Contribution::Secure::Secure(const proto::Plan& plan, Bytes plan_bytes, const secagg::Identity* identity,
                             Random& keys)
    : slots(plan.aggregation.participants_max - 1u),
      order(plan.aggregation.participants_max),
      participant(make_context(plan, plan_bytes), make_rules(plan), identity, slots, order, keys) {}

Contribution::Contribution(const proto::Plan& plan, Bytes plan_bytes, std::vector<std::uint8_t> update,
                           const Parties& parties, Random& keys)
    : aggregation_(plan.aggregation), parameters_(plan.model.parameter_count()), update_(std::move(update)) {
  switch (aggregation_.kind) {
    case proto::Aggregation::kSecure:
      secure_ = std::make_unique<Secure>(plan, plan_bytes, parties.identity, keys);
      expected_ = proto::Step::kShare;
      break;
    case proto::Aggregation::kOneShot:
      one_shot_.emplace(OneShot{make_context(plan, plan_bytes), parties, keys});
      break;
    case proto::Aggregation::kPlain:
    case proto::Aggregation::kFloat:
      expected_ = proto::Step::kCollect;
      break;
  }
}

Rejection Contribution::join(std::vector<std::uint8_t>& payload) {
  payload.clear();
  if (one_shot_) {
    const Rejection rejection = write_one_shot(payload);
    if (!accepted(rejection)) payload.clear();
    return rejection;
  }
  if (!secure_) return Rejection::kNone;
  payload.resize(secagg::join_bytes(aggregation_.adversary));
  std::size_t written = 0;
  const Rejection rejection = secure_->participant.advertise(payload, written);
  payload.resize(written);
  return rejection;
}

secagg::RingLayout Contribution::layout() const {
  return {aggregation_.participants_max, secagg::update_lanes(parameters_), aggregation_.packing};
}

// The update stays: a device that loses power before the answer sends it again, masked anew.
Rejection Contribution::write_one_shot(std::vector<std::uint8_t>& payload) {
  const auto& [context, parties, keys] = *one_shot_;
  if (parties.identity == nullptr || parties.helper == nullptr) return Rejection::kNotEligible;
  const secagg::RingLayout ring_layout = layout();
  payload.resize(secagg::kOneShotHeaderBytes + ring_layout.byte_count());
  const MutableBytes ring = MutableBytes(payload).subspan(secagg::kOneShotHeaderBytes);
  secagg::ring_encode(ring_layout, update_, ring);
  secagg::SealedSeed sealed;
  const crypto::Digest own = secagg::identity_of(parties.identity->signer.public_key());
  const Rejection rejection =
      secagg::one_shot_mask(context, ring_layout, *parties.helper, own, keys, ring, sealed);
  if (!accepted(rejection)) return rejection;
  const Bytes vector = secagg::ring_pack(ring_layout, ring);
  secagg::one_shot_sign(context.plan_digest, *parties.identity, sealed, vector, keys,
                        MutableBytes(payload).first<secagg::kOneShotHeaderBytes>());
  payload.resize(secagg::kOneShotHeaderBytes + vector.size());
  return Rejection::kNone;
}

Rejection Contribution::answer(const proto::NextStep& message, std::vector<std::uint8_t>& payload) {
  const Rejection rejection = write_step(message, payload);
  if (!accepted(rejection)) payload.clear();  // a vector that was not masked must not survive
  return rejection;
}

Rejection Contribution::write_step(const proto::NextStep& message, std::vector<std::uint8_t>& payload) {
  if (message.next != expected_) return Rejection::kWrongPhase;
  switch (message.next) {
    case proto::Step::kShare:
      expected_ = proto::Step::kCollect;
      return share(message.payload, payload);
    case proto::Step::kCollect:
      expected_.reset();
      if (secure_) expected_ = after_collect();
      return collect(message.payload, payload);
    case proto::Step::kConfirm:
      expected_ = proto::Step::kUnmask;
      return confirm(message.payload, payload);
    case proto::Step::kUnmask:
      expected_.reset();
      return unmask(message.payload, payload);
    case proto::Step::kJoin:
      break;
  }
  return Rejection::kWrongPhase;
}

Rejection Contribution::share(Bytes roster, std::vector<std::uint8_t>& payload) {
  payload.resize(secagg::shares_bytes(secure_->slots.size()));
  std::size_t written = 0;
  const Rejection rejection = secure_->participant.receive_roster(roster, payload, written);
  payload.resize(written);
  return rejection;
}

Rejection Contribution::collect(Bytes delivery, std::vector<std::uint8_t>& payload) {
  if (secure_) {
    const Rejection rejection = secure_->participant.receive_delivery(delivery);
    if (!accepted(rejection)) return rejection;
  } else if (!delivery.empty()) {
    return Rejection::kMalformed;
  }
  if (aggregation_.kind == proto::Aggregation::kFloat) {
    payload = std::exchange(update_, {});
    return Rejection::kNone;
  }
  const secagg::RingLayout ring_layout = layout();
  payload.resize(ring_layout.byte_count());
  secagg::ring_encode(ring_layout, std::exchange(update_, {}), payload);
  if (secure_) {
    const Rejection rejection = secure_->participant.mask(ring_layout, payload);
    if (!accepted(rejection)) return rejection;
  }
  payload.resize(secagg::ring_pack(ring_layout, payload).size());
  return Rejection::kNone;
}

proto::Step Contribution::after_collect() const {
  return secagg::is_signed(aggregation_.adversary) ? proto::Step::kConfirm : proto::Step::kUnmask;
}

Rejection Contribution::confirm(Bytes request, std::vector<std::uint8_t>& payload) {
  payload.resize(crypto::kEs256SignatureBytes);
  std::size_t written = 0;
  const Rejection rejection = secure_->participant.receive_confirm(request, payload, written);
  payload.resize(written);
  return rejection;
}

Rejection Contribution::unmask(Bytes request, std::vector<std::uint8_t>& payload) {
  payload.resize(secagg::unmask_answer_bytes(secure_->participant.graph().neighbours));
  std::size_t written = 0;
  const Rejection rejection = secure_->participant.receive_unmask(request, payload, written);
  payload.resize(written);
  return rejection;
}

}  // namespace sotto::client
