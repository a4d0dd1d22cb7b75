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

bool is_count(const secagg::Segment& segment) { return segment.encoding == secagg::Encoding::kCount; }

bool possible(const secagg::Segment& segment, float value) {
  if (!is_count(segment)) return std::abs(value) <= kDeltaMax;
  const auto most = static_cast<double>(secagg::largest_of_bytes(segment.count_bytes));
  return value >= 0 && value <= most && std::trunc(value) == value;
}

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

FloatSession::FloatSession(const proto::Plan& plan, Random& random)
    : UnmaskedSession(plan, random), layout_(plan.update_layout()) {
  sum_.sum.resize(layout_.value_count());
  sum_.segments = sum_segments(layout_);
  for (std::size_t i = 0; i < sum_.segments.size(); ++i) {
    if (!is_count(layout_.segments[i])) sum_.segments[i].unit = 1 / kFixedPointOne;
  }
  sum_.weight_max = layout_.weight_max;
}

Rejection FloatSession::accept(ParticipantIndex, Bytes payload) {
  if (payload.size() != proto::float_message_bytes(layout_)) return Rejection::kWrongLength;
  ByteReader reader(payload);
  const proto::FloatHead head = proto::read_float_head(reader, layout_);
  const bool weighed = head.weight >= 1 && head.weight <= sum_.weight_max;
  if (!weighed || head.examples == 0) return Rejection::kMalformed;
  for (std::size_t i = 0; i < layout_.sum_bytes.size(); ++i) {
    if (head.sums[i] > secagg::largest_of_bytes(layout_.sum_bytes[i])) return Rejection::kMalformed;
  }
  ByteReader checked = reader;
  for (const secagg::Segment& segment : layout_.segments) {
    for (std::uint32_t i = 0; i < segment.length; ++i) {
      if (!possible(segment, checked.f32())) return Rejection::kMalformed;
    }
  }
  add_values(static_cast<double>(head.weight) / sum_.weight_max, reader);
  sum_.metrics +=
      secagg::MetricSums{.count = 1, .weight = head.weight, .examples = head.examples, .sums = head.sums};
  ++sum_.devices;
  return Rejection::kNone;
}

void FloatSession::add_values(double weight, ByteReader values) {
  auto sum = sum_.sum.begin();
  for (const secagg::Segment& segment : layout_.segments) {
    const double factor = segment.weighting == secagg::Weighting::kExamples ? weight : 1.0;
    const double fixed_point = is_count(segment) ? 1.0 : kFixedPointOne;
    for (std::uint32_t i = 0; i < segment.length; ++i) {
      *sum++ += std::llround(factor * values.f32() * fixed_point);
    }
  }
}

Result<CohortSum> FloatSession::finish(Executor&) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  return std::move(sum_);
}

}  // namespace sotto::aggregator
