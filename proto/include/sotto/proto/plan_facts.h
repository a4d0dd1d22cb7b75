// What follows from a plan for whoever takes part in its round: devices, the coordinator's sessions and the
// mask helper derive it here, so that they cannot differ. Freestanding. All require a plan in range.
#pragma once

#include "sotto/proto/float_message.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update.h"
#include "sotto/secagg/wire.h"

namespace sotto::proto {

// ---- when a plan holds ----

// No round lasts longer: 49.7 days to train, a day for each of four steps, and the slack below.
inline constexpr std::uint64_t kPlanLifetimeMaxS = 60 * 86'400;
// What the coordinator leaves between a round's last deadline and the end of its plan: sums take a while, and
// a mask helper may be asked again.
inline constexpr std::uint64_t kPlanSlackS = 600;
// A plan of a clock that is ahead by no more than this is taken.
inline constexpr std::uint64_t kClockToleranceS = 300;
static_assert(kPlanLifetimeMaxS * 1000 >= kU32Max + 4 * 86'400'000 + kPlanSlackS * 1000);

enum class PlanAge : std::uint8_t { kCurrent, kFuture, kExpired, kTooLong };

// `now_s`: seconds after 1970. Whoever has no clock asks nothing.
[[nodiscard]] constexpr PlanAge age_of(const Plan& plan, std::uint64_t now_s) {
  if (plan.not_after - plan.issued_at > kPlanLifetimeMaxS) return PlanAge::kTooLong;
  if (now_s > plan.not_after) return PlanAge::kExpired;
  return plan.issued_at > now_s && plan.issued_at - now_s > kClockToleranceS ? PlanAge::kFuture
                                                                             : PlanAge::kCurrent;
}

// ---- sizes ----

// Lanes of an update vector (PROTOCOL.md section 4).
[[nodiscard]] inline std::size_t update_lanes(const Plan& plan) { return plan.update_layout().lane_count(); }

// The ring of the round's update vectors, which travel as the plan packs them.
[[nodiscard]] inline secagg::RingLayout ring_layout(const Plan& plan) {
  return {plan.aggregation.participants_max, update_lanes(plan), plan.aggregation.packing};
}

// The same ring for sums of masks, which always travel in words.
[[nodiscard]] inline secagg::RingLayout mask_layout(const Plan& plan) {
  return {plan.aggregation.participants_max, update_lanes(plan), secagg::Packing::kWords};
}

// Bytes of an update before it is masked: lanes, or in float sessions the message.
[[nodiscard]] inline std::size_t update_bytes(const Plan& plan) {
  const secagg::UpdateLayout layout = plan.update_layout();
  return plan.aggregation.kind == Aggregation::kFloat ? float_message_bytes(layout) : layout.lane_count();
}

// What every key of a session is bound to. `plan_bytes` encode the plan.
[[nodiscard]] inline secagg::SessionContext session_context(const Plan& plan, Bytes plan_bytes) {
  return {.round = plan.round.value,
          .plan_digest = crypto::sha256({plan_bytes}),
          .model_digest = plan.model_digest,
          .prg = plan.aggregation.prg};
}

// What the plan lets a device demand of its session, which begins `now` (secagg::kNoClock: who knows).
[[nodiscard]] inline secagg::ParticipantRules participant_rules(const Plan& plan, std::uint64_t now) {
  return {.cohort_min = plan.aggregation.cohort_min,
          .participants_max = plan.aggregation.participants_max,
          .adversary = plan.aggregation.adversary,
          .corrupt_fraction = plan.aggregation.corrupt_fraction,
          .dropout_fraction = plan.aggregation.dropout_fraction,
          .honest_min = plan.aggregation.honest_min,
          .now = now};
}

}  // namespace sotto::proto
