#include "coordinator/clips.h"

#include "sotto/aggregator/server_optimizer.h"

namespace sotto::server {
namespace {

// Only the clip of a segment that says by a lane of its own whether it was clipped can follow its values.
bool follows(const secagg::Segment& segment) {
  return segment.encoding == secagg::Encoding::kSigned && segment.clipped_lane;
}

}  // namespace

void set_first_clips(const proto::TaskSpec& spec, StoredModel& model) {
  model.clip = spec.aggregation.clip;
  model.segment_clips.clear();
  for (const secagg::Segment& segment : spec.model.segments) {
    const bool own = !follows(segment) || segment.clip > 0;  // a fixed 0 goes on meaning the aggregation's
    model.segment_clips.push_back(own ? segment.clip : spec.aggregation.clip);
  }
}

void put_clips(const StoredModel& model, proto::Plan& plan) {
  plan.aggregation.clip = model.clip;
  if (model.segment_clips.size() != plan.model.segments.size()) return;
  for (std::size_t i = 0; i < plan.model.segments.size(); ++i) {
    plan.model.segments[i].clip = model.segment_clips[i];
  }
}

void adapt_clips(const proto::TaskSpec& spec, const proto::Plan& plan, const aggregator::CohortSum& sum,
                 StoredModel& model) {
  // The float yardstick clips nothing, so its clipped fraction says nothing.
  if (!spec.adaptive_clip || spec.aggregation.kind == proto::Aggregation::kFloat) return;
  model.clip = aggregator::adapt_clip(model.clip, sum.metrics);
  if (model.segment_clips.size() != plan.model.segments.size()) return;
  for (std::size_t i = 0; i < plan.model.segments.size(); ++i) {
    if (!follows(plan.model.segments[i])) continue;
    model.segment_clips[i] = aggregator::adapt_clip(model.segment_clips[i], sum.segments[i], sum.devices);
  }
}

}  // namespace sotto::server
