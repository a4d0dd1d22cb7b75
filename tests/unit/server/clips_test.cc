#include "coordinator/clips.h"

#include <gtest/gtest.h>

#include "sotto/aggregator/server_optimizer.h"

namespace sotto::server {
namespace {

// A run with the aggregation's clip, one whose clip follows from 0.5 on, one that follows from the
// aggregation's, and one with a fixed clip.
proto::TaskSpec task_of_four_segments() {
  proto::TaskSpec spec;
  spec.model.architecture = proto::Architecture::kCustom;
  spec.model.parameters = 4;
  spec.model.segments = {{.length = 1},
                         {.length = 1, .clip = 0.5f, .clipped_lane = true},
                         {.length = 1, .clipped_lane = true},
                         {.length = 1, .clip = 8.0f}};
  spec.aggregation.clip = 2.0f;
  return spec;
}

proto::Plan plan_of(const proto::TaskSpec& spec, const StoredModel& model) {
  proto::Plan plan;
  plan.model = spec.model;
  plan.aggregation = spec.aggregation;
  put_clips(spec, model, plan);
  return plan;
}

aggregator::CohortSum sum_of(std::uint64_t clipped, std::uint64_t second, std::uint64_t third) {
  aggregator::CohortSum sum;
  sum.devices = 10;
  sum.metrics = {.count = 10, .clipped = clipped};
  sum.segments = {{.length = 1, .unit = 1},
                  {.length = 1, .unit = 1, .clipped = second},
                  {.length = 1, .unit = 1, .clipped = third},
                  {.length = 1, .unit = 1}};
  return sum;
}

TEST(Clips, OfTheFirstPlanAreTheTasks) {
  const proto::TaskSpec spec = task_of_four_segments();
  StoredModel model;
  set_first_clips(spec, model);
  const proto::Plan plan = plan_of(spec, model);
  const secagg::UpdateLayout layout = plan.update_layout();
  EXPECT_EQ(layout.segments[0].clip, 2.0f);
  EXPECT_EQ(layout.segments[1].clip, 0.5f);
  EXPECT_EQ(layout.segments[2].clip, 2.0f);
  EXPECT_EQ(layout.segments[3].clip, 8.0f);
}

TEST(Clips, EachFollowsItsOwnLane) {
  const proto::TaskSpec spec = task_of_four_segments();
  StoredModel model;
  set_first_clips(spec, model);
  adapt_clips(spec, plan_of(spec, model), sum_of(10, 0, 5), model);
  const secagg::UpdateLayout layout = plan_of(spec, model).update_layout();
  EXPECT_EQ(layout.segments[0].clip, 4.0f) << "everybody clipped: doubled";
  EXPECT_EQ(layout.segments[1].clip, aggregator::adapt_clip(0.5f, aggregator::SumSegment{.clipped = 0}, 10))
      << "nobody: less";
  EXPECT_LT(layout.segments[1].clip, 0.5f);
  EXPECT_EQ(layout.segments[2].clip, aggregator::adapt_clip(2.0f, aggregator::SumSegment{.clipped = 5}, 10));
  EXPECT_GT(layout.segments[2].clip, 2.0f);
  EXPECT_EQ(layout.segments[3].clip, 8.0f) << "fixed";
}

// Everybody says in every round that it clipped.
TEST(Clips, StopAtSixteenTimesWhatTheyBeganWith) {
  const proto::TaskSpec spec = task_of_four_segments();
  StoredModel model;
  set_first_clips(spec, model);
  for (int round = 0; round < 20; ++round) adapt_clips(spec, plan_of(spec, model), sum_of(10, 10, 10), model);
  const secagg::UpdateLayout layout = plan_of(spec, model).update_layout();
  EXPECT_EQ(layout.segments[0].clip, 32.0f);
  EXPECT_EQ(layout.segments[1].clip, 8.0f);
  EXPECT_EQ(layout.segments[2].clip, 32.0f);
  EXPECT_EQ(layout.segments[3].clip, 8.0f) << "fixed";
}

TEST(Clips, StopAtTheTasksCeiling) {
  proto::TaskSpec spec = task_of_four_segments();
  spec.clip_max = 2.5f;
  StoredModel model;
  set_first_clips(spec, model);
  for (int round = 0; round < 20; ++round) adapt_clips(spec, plan_of(spec, model), sum_of(10, 10, 10), model);
  EXPECT_EQ(model.clip, 2.5f);
  EXPECT_EQ(model.segment_clips[1], 2.5f);
  EXPECT_EQ(model.segment_clips[2], 2.5f);
}

TEST(Clips, ThatWereStoredAboveTheCeilingAreNotPlanned) {
  const proto::TaskSpec spec = task_of_four_segments();
  StoredModel model;
  set_first_clips(spec, model);
  model.clip = 1e6f;
  model.segment_clips[1] = 1e6f;
  const secagg::UpdateLayout layout = plan_of(spec, model).update_layout();
  EXPECT_EQ(layout.segments[0].clip, 32.0f);
  EXPECT_EQ(layout.segments[1].clip, 8.0f);
}

TEST(Clips, NeverPassWhatAPlanMayHave) {
  proto::TaskSpec spec = task_of_four_segments();
  spec.aggregation.clip = 9e5f;
  StoredModel model;
  set_first_clips(spec, model);
  for (int round = 0; round < 3; ++round) adapt_clips(spec, plan_of(spec, model), sum_of(10, 10, 10), model);
  EXPECT_EQ(model.clip, aggregator::kClipMax);
}

TEST(Clips, StayWhereTheTaskFixesThemOrNothingIsClipped) {
  proto::TaskSpec spec = task_of_four_segments();
  StoredModel model;
  set_first_clips(spec, model);
  const StoredModel before = model;
  spec.adaptive_clip = false;
  adapt_clips(spec, plan_of(spec, model), sum_of(10, 10, 10), model);
  EXPECT_EQ(model.clip, before.clip);
  EXPECT_EQ(model.segment_clips, before.segment_clips);
  spec.adaptive_clip = true;
  spec.aggregation.kind = proto::Aggregation::kFloat;
  adapt_clips(spec, plan_of(spec, model), sum_of(10, 10, 10), model);
  EXPECT_EQ(model.segment_clips, before.segment_clips);
}

}  // namespace
}  // namespace sotto::server
