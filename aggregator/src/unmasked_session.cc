#include "unmasked_session.h"

#include <cmath>

#include "ring_sum.h"
#include "sotto/base/limits.h"

namespace sotto::aggregator {
namespace {

using proto::Step;

constexpr double kFixedPointOne = 0x1p40;
// The largest magnitude of a delta: a full cohort's sum in fixed point then cannot overflow.
constexpr float kDeltaMax = 0x1p12f;
static_assert(kDeltaMax * kFixedPointOne * limits::kFloatParticipantsMax < 0x1p63);
constexpr std::uint64_t kLossMax = (std::uint64_t{1} << 48) - 1;
constexpr std::size_t kFloatHeaderBytes = 20;

}  // namespace

Result<std::optional<Step>> UnmaskedSession::end_step() {
  if (step() == Step::kJoin) return std::optional(Step::kCollect);
  return std::optional<Step>();
}

PlainSession::PlainSession(const proto::Plan& plan, Random& random)
    : UnmaskedSession(plan, random), layout_(ring_layout(plan)), accumulator_(layout_.byte_count()) {}

Rejection PlainSession::accept(ParticipantIndex, Bytes payload) {
  return secagg::ring_add_message(layout_, accumulator_, payload);
}

Result<CohortSum> PlainSession::finish(Executor&) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  return decode_ring_sum(plan(), accumulator_, answered_count());
}

FloatSession::FloatSession(const proto::Plan& plan, Random& random) : UnmaskedSession(plan, random) {
  sum_.sum.resize(plan.model.parameter_count());
  sum_.unit = 1 / kFixedPointOne;
  sum_.weight_max = plan.aggregation.weight_max;
}

Rejection FloatSession::accept(ParticipantIndex, Bytes payload) {
  if (payload.size() != kFloatHeaderBytes + sizeof(float) * sum_.sum.size()) return Rejection::kWrongLength;
  ByteReader header(payload.first(kFloatHeaderBytes));
  secagg::MetricSums metrics{.count = 1};
  metrics.weight = header.u32();
  metrics.examples = header.u32();
  metrics.correct = header.u32();
  metrics.loss_1024 = header.u64();
  if (metrics.weight > sum_.weight_max || metrics.correct > metrics.examples ||
      metrics.loss_1024 > kLossMax) {
    return Rejection::kMalformed;
  }
  ByteReader checked(payload.subspan(kFloatHeaderBytes));
  while (checked.remaining() > 0) {
    if (!(std::abs(checked.f32()) <= kDeltaMax)) return Rejection::kMalformed;
  }
  const double weight = static_cast<double>(metrics.weight) / sum_.weight_max;
  ByteReader deltas(payload.subspan(kFloatHeaderBytes));
  for (std::int64_t& value : sum_.sum) value += std::llround(weight * deltas.f32() * kFixedPointOne);
  sum_.metrics += metrics;
  ++sum_.devices;
  return Rejection::kNone;
}

Result<CohortSum> FloatSession::finish(Executor&) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  return std::move(sum_);
}

}  // namespace sotto::aggregator
