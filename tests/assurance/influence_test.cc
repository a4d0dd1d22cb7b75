// Attacks by name of one hostile device on a whole round's model: what it adds to its masked vector in a real
// signed session, and what the real coordinator makes of the sum.
#include <gmock/gmock.h>

#include "sotto/aggregator/influence.h"
#include "unit/server/coordinator_harness.h"

namespace sotto::server {
namespace {

using namespace sotto::server::testing;
using proto::Aggregation;
using proto::RoundOutcome;
using ::testing::HasSubstr;

constexpr std::size_t kDevices = 5;
// Lanes by place (PROTOCOL.md section 4).
constexpr std::size_t kWeightLane = 1;
constexpr std::size_t kExamplesLane = 5;
constexpr std::size_t kCorrectLane = 9;
constexpr std::size_t kLossLane = 13;
constexpr std::size_t kClippedLane = 19;

// Devices of weight 10 with 5 of 10 examples correct, the first of which is hostile.
class Influence : public ::testing::Test {
 protected:
  void begin(proto::TaskSpec spec = task_spec(Aggregation::kSecure, kDevices)) {
    harness_.create(spec);
    fleet_.devices[0]->hostile = [this](std::vector<std::uint8_t>& ring) {
      for (const auto& [lane, difference] : added_) {
        const auto before = load_le<std::uint16_t>(ring.data() + 2 * lane);
        store_le(ring.data() + 2 * lane, static_cast<std::uint16_t>(before + difference));
      }
    };
  }
  // In the ring, modulo 2^16: lanes are no bytes there.
  void add(std::size_t lane, int difference) { added_[lane] += difference; }

  // The round ends without a model, and both the record and the operator's log say why.
  void expect_refused(const std::string& rule) {
    const ModelVersion before = harness_.status().model_version;
    fleet_.run_round();
    const proto::RoundRecord record = harness_.rounds().at(0);
    EXPECT_EQ(record.outcome, RoundOutcome::kAbandoned);
    EXPECT_THAT(record.reason, HasSubstr(rule));
    EXPECT_EQ(harness_.status().model_version, before);
    EXPECT_TRUE(harness_.noticed(rule, NoticeAction::Level::kWarning));
    EXPECT_FALSE(fleet_.ends[1]->counted);
  }
  void expect_committed() {
    fleet_.run_round();
    EXPECT_EQ(harness_.rounds().at(0).outcome, RoundOutcome::kCommitted) << harness_.rounds().at(0).reason;
  }
  [[nodiscard]] double norm_of_round() {
    return aggregator::update_norm(fleet_.devices[0]->plan, fleet_.sum_of({0, 1, 2, 3, 4}));
  }

  Harness harness_;
  Fleet fleet_{harness_, kDevices};

 private:
  std::map<std::size_t, int> added_;
};

TEST_F(Influence, OfADeviceThatIsNotHostileAfterAllIsOneOfFive) {
  begin();
  expect_committed();
}

// The mean is the sum over the weight: 50 of it made 4 would have moved the model 12 times as far.
TEST_F(Influence, WeightLimbsSubtractedAreNoticedFromTheFirstThatNobodyCanHave) {
  begin();
  add(kWeightLane, -45);
  expect_committed();
  add(kWeightLane, -1);
  expect_refused("the weights sum to 4, at least 5 is possible");
}

// A weight of its own that takes away all others'.
TEST_F(Influence, AllWeightsSubtractedAreARefusalToo) {
  begin();
  add(kWeightLane, -50);
  expect_refused("the weights sum to 0, at least 5 is possible");
}

TEST_F(Influence, ExamplesSubtractedAreNoticed) {
  begin();
  add(kExamplesLane, -46);
  expect_refused("there are 4 examples of 5 devices");
}

// Every parameter at the end of the ring's range that the sum of bytes allows: below what clips do.
TEST_F(Influence, TheWorstVectorOfAllIsBeyondTheClips) {
  begin();
  fleet_.check_in();
  for (std::size_t i = 0; i < fleet_.devices[0]->delta.size(); ++i) {
    int sum = 0;
    for (const auto& device : fleet_.devices) sum += device->lanes[secagg::kMetricLanes + i];
    add(secagg::kMetricLanes + i, -sum);
  }
  fleet_.run();
  EXPECT_EQ(harness_.status().model_version, ModelVersion{0});
  EXPECT_THAT(harness_.rounds().at(0).reason, HasSubstr("sum to -640 steps, -635 to 635 are possible"));
}

// One within all clips is as far from the model as five devices together could go. The task knows better.
TEST_F(Influence, TheWorstVectorWithinTheClipsIsLongerThanTheTaskAllows) {
  proto::TaskSpec spec = task_spec(Aggregation::kSecure, kDevices);
  spec.aggregation.weight_max = 10;
  spec.server_learning_rate = 0.001f;
  spec.update_norm_max = 1;
  begin(spec);
  expect_committed();
  EXPECT_LT(norm_of_round(), 1) << "honest devices stay below";
  for (std::size_t i = 0; i < 15; ++i) add(secagg::kMetricLanes + i, 400);
  expect_refused("the mean update has the norm ");
  EXPECT_TRUE(harness_.noticed("the task's update_norm_max allows 1", NoticeAction::Level::kWarning));
}

// The lane of one device says that all of them clipped.
TEST_F(Influence, ClipInflationOverRoundsEndsAtTheCeiling) {
  begin();
  for (int round = 0; round < 8; ++round) {
    fleet_.check_in();
    int clipped = 0;
    for (const auto& device : fleet_.devices) clipped += device->lanes[kClippedLane];
    add(kClippedLane, static_cast<int>(kDevices) - clipped);
    fleet_.run();
    add(kClippedLane, clipped - static_cast<int>(kDevices));
    ASSERT_EQ(harness_.rounds().at(0).outcome, RoundOutcome::kCommitted);
    EXPECT_EQ(harness_.rounds().at(0).metrics.clipped, kDevices);
  }
  fleet_.check_in();
  EXPECT_EQ(fleet_.devices[0]->plan.aggregation.clip, 16.0f) << "and 256 without a ceiling";
}

TEST_F(Influence, ClipInflationEndsAtTheTasksOwnCeiling) {
  proto::TaskSpec spec = task_spec(Aggregation::kSecure, kDevices);
  spec.clip_max = 1.5f;
  begin(spec);
  add(kClippedLane, static_cast<int>(kDevices));
  expect_committed();
  fleet_.check_in();
  EXPECT_EQ(fleet_.devices[0]->plan.aggregation.clip, 1.5f);
}

TEST_F(Influence, AMetricJumpAboveEveryExampleIsARefusal) {
  begin();
  add(kCorrectLane, 25);
  expect_committed();
  add(kCorrectLane, 1);
  expect_refused("51 examples are correct of 50");
}

TEST_F(Influence, AMetricJumpAboveWhatTheTaskDeclaresIsARefusal) {
  proto::TaskSpec spec = task_spec(Aggregation::kSecure, kDevices);
  spec.metrics_max = {1, 20};
  begin(spec);
  expect_committed();
  add(kLossLane + 2, 16);  // 16 * 65,536 units of 1/1024 nat, over 50 examples
  expect_refused("the mean of loss is 20.63, the task's metrics_max allows 20");
}

// The cohort of the hostile device pays, no other does.
TEST_F(Influence, OfOneCohortLeavesTheOthersTheirModel) {
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 8);
  spec.cohort_max = 4;
  begin(spec);
  add(kWeightLane, -40);
  Fleet others(harness_, 3, kDevices);
  fleet_.devices.insert(fleet_.devices.end(), std::make_move_iterator(others.devices.begin()),
                        std::make_move_iterator(others.devices.end()));
  fleet_.run_round();
  EXPECT_EQ(harness_.status().model_version, ModelVersion{1});
  EXPECT_EQ(harness_.rounds().at(0).collected, 4u);
  EXPECT_TRUE(harness_.noticed("was abandoned: the weights sum to 0, at least 4 is possible",
                               NoticeAction::Level::kWarning));
}

}  // namespace
}  // namespace sotto::server
