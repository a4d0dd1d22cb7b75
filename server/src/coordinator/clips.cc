#include "coordinator/clips.h"

#include <algorithm>

#include "sotto/aggregator/server_optimizer.h"

namespace sotto::server {
namespace {

// Four bits of the quantiser's eight: an operator's guess may be that far too small, and a hostile device
// that reports everybody as clipped costs no more than these.
constexpr float kClipGrowthMax = 16;

// Only the clip of a segment that says by a lane of its own whether it was clipped can follow its values.
bool follows(const secagg::Segment& segment) {
  return segment.encoding == secagg::Encoding::kSigned && segment.clipped_lane;
}

float first_clip(const proto::TaskSpec& spec, const secagg::Segment& segment) {
  const bool own = !follows(segment) || segment.clip > 0;  // a fixed 0 goes on meaning the aggregation's
  return own ? segment.clip : spec.aggregation.clip;
}

// Where a clip that begins there stops.
float ceiling(const proto::TaskSpec& spec, float first) {
  const float most = spec.clip_max > 0 ? spec.clip_max : first * kClipGrowthMax;
  return std::clamp(most, aggregator::kClipMin, aggregator::kClipMax);
}

}  // namespace

void set_first_clips(const proto::TaskSpec& spec, StoredModel& model) {
  model.clip = spec.aggregation.clip;
  model.segment_clips.clear();
  for (const secagg::Segment& segment : spec.model.segments) {
    model.segment_clips.push_back(first_clip(spec, segment));
  }
}

void put_clips(const proto::TaskSpec& spec, const StoredModel& model, proto::Plan& plan) {
  plan.aggregation.clip = std::min(model.clip, ceiling(spec, spec.aggregation.clip));
  if (model.segment_clips.size() != plan.model.segments.size()) return;
  for (std::size_t i = 0; i < plan.model.segments.size(); ++i) {
    secagg::Segment& segment = plan.model.segments[i];
    const float most = ceiling(spec, first_clip(spec, spec.model.segments[i]));
    segment.clip = follows(segment) ? std::min(model.segment_clips[i], most) : model.segment_clips[i];
  }
}

void adapt_clips(const proto::TaskSpec& spec, const proto::Plan& plan, const aggregator::CohortSum& sum,
                 StoredModel& model) {
  // The float yardstick clips nothing, so its clipped fraction says nothing.
  if (!spec.adaptive_clip || spec.aggregation.kind == proto::Aggregation::kFloat) return;
  model.clip = aggregator::adapt_clip(model.clip, sum.metrics, ceiling(spec, spec.aggregation.clip));
  if (model.segment_clips.size() != plan.model.segments.size()) return;
  for (std::size_t i = 0; i < plan.model.segments.size(); ++i) {
    if (!follows(plan.model.segments[i])) continue;
    const float most = ceiling(spec, first_clip(spec, spec.model.segments[i]));
    model.segment_clips[i] =
        aggregator::adapt_clip(model.segment_clips[i], sum.segments[i], sum.devices, most);
  }
}

}  // namespace sotto::server
