#include "unmasked_session.h"

#include <cmath>

#include "ring_sum.h"
#include "sotto/base/limits.h"
#include "sotto/proto/float_message.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::aggregator {
namespace {

using proto::Step;

constexpr double kFixedPointOne = 0x1p40;
// The largest magnitude of a delta: a full cohort's sum in fixed point then cannot overflow.
constexpr float kDeltaMax = 0x1p12f;
static_assert(kDeltaMax * kFixedPointOne * limits::kFloatParticipantsMax < 0x1p63);

}  // namespace

Result<std::optional<Step>> UnmaskedSession::end_step() {
  if (step() == Step::kJoin) return std::optional(Step::kCollect);
  return std::optional<Step>();
}

PlainSession::PlainSession(const proto::Plan& plan, Random& random)
    : UnmaskedSession(plan, random), layout_(proto::ring_layout(plan)), accumulator_(layout_.byte_count()) {}

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
  if (payload.size() != proto::float_message_bytes(sum_.sum.size())) return Rejection::kWrongLength;
  ByteReader reader(payload);
  const proto::FloatHead head = proto::read_float_head(reader);
  if (head.weight > sum_.weight_max || head.correct > head.examples || head.loss_1024 > secagg::kLossMax) {
    return Rejection::kMalformed;
  }
  ByteReader checked = reader;
  while (checked.remaining() > 0) {
    if (!(std::abs(checked.f32()) <= kDeltaMax)) return Rejection::kMalformed;
  }
  const double weight = static_cast<double>(head.weight) / sum_.weight_max;
  for (std::int64_t& value : sum_.sum) value += std::llround(weight * reader.f32() * kFixedPointOne);
  sum_.metrics += secagg::MetricSums{.count = 1,
                                     .weight = head.weight,
                                     .examples = head.examples,
                                     .correct = head.correct,
                                     .loss_1024 = head.loss_1024};
  ++sum_.devices;
  return Rejection::kNone;
}

Result<CohortSum> FloatSession::finish(Executor&) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  return std::move(sum_);
}

}  // namespace sotto::aggregator
