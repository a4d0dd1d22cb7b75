// What the lanes of a sum say, and sums that no updates add up to.
#include "ring_sum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cohort.h"
#include "sotto/aggregator/influence.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::aggregator {
namespace {

using secagg::Encoding;
using secagg::Weighting;
using ::testing::HasSubstr;

constexpr std::uint32_t kVectors = 3;

// Runs of every kind; the first and the third have a clipped lane of their own.
proto::Plan plan_of_runs() {
  proto::Plan plan = small_plan(9, 20);
  plan.model.segments = {
      {.length = 4, .clip = 2.0f, .clipped_lane = true},
      {.length = 6, .weighting = Weighting::kOne},
      {.length = 2,
       .encoding = Encoding::kCount,
       .count_bytes = 2,
       .weighting = Weighting::kOne,
       .clipped_lane = true},
      {.length = 8},
  };
  EXPECT_TRUE(proto::validate_plan(plan).ok());
  return plan;
}

// The lanes of kVectors updates of one example each whose values are all 0, by name.
struct Lanes {
  static constexpr std::size_t kWeight = 1, kExamples = 5, kCorrect = 9, kLoss = 13, kClipped = 19,
                               kClippedFirst = 20, kClippedThird = 21, kValues = 22, kCounts = kValues + 10;

  Lanes() : sums(proto::ring_layout(plan).lane_count()) {
    sums[0] = sums[kWeight] = sums[kExamples] = kVectors;
    for (std::size_t lane = kValues; lane < sums.size(); ++lane) {
      const bool of_count = lane >= kCounts && lane < kCounts + 4;
      sums[lane] = of_count ? 0 : kVectors * secagg::kZeroLane;
    }
  }
  [[nodiscard]] Result<CohortSum> decoded() const {
    std::vector<std::uint8_t> ring(2 * sums.size());  // 16 bits a lane for so few participants
    for (std::size_t i = 0; i < sums.size(); ++i)
      store_le(ring.data() + 2 * i, static_cast<std::uint16_t>(sums[i]));
    return decode_ring_sum(plan, ring, kVectors);
  }
  [[nodiscard]] std::string refusal() const {
    const auto sum = decoded();
    EXPECT_EQ(sum.status().code(), StatusCode::kAborted);
    return sum.status().message();
  }

  const proto::Plan plan = plan_of_runs();
  std::vector<std::uint32_t> sums;
};

TEST(RingSum, SaysOfEveryRunWhatItsValuesAre) {
  Lanes lanes;
  lanes.sums[Lanes::kWeight] = 7;
  lanes.sums[Lanes::kWeight + 1] = 2;  // 7 + 2 * 256
  lanes.sums[Lanes::kExamples] = 9;
  lanes.sums[Lanes::kCorrect] = 5;
  lanes.sums[Lanes::kLoss] = 6;
  lanes.sums[Lanes::kClipped] = 1;
  lanes.sums[Lanes::kClippedFirst] = 2;
  lanes.sums[Lanes::kClippedThird] = 3;
  lanes.sums[Lanes::kValues] += 10;
  lanes.sums[Lanes::kValues + 9] -= 20;
  lanes.sums[Lanes::kCounts] = 4;
  lanes.sums[Lanes::kCounts + 3] = 3;
  lanes.sums.back() += 30;

  const auto sum = lanes.decoded();
  ASSERT_TRUE(sum) << sum.error().message();
  const std::vector<SumSegment> segments = {
      {.length = 4, .unit = secagg::quantizer_scale(2.0f), .clipped = 2},
      {.length = 6, .unit = secagg::quantizer_scale(0.5f), .weighting = Weighting::kOne},
      {.length = 2, .unit = 1, .weighting = Weighting::kOne, .clipped = 3},
      {.length = 8, .unit = secagg::quantizer_scale(0.5f)},
  };
  EXPECT_EQ(sum->segments, segments);
  EXPECT_EQ(sum->metrics,
            (secagg::MetricSums{.count = 3, .weight = 519, .examples = 9, .sums = {5, 6}, .clipped = 1}));
  EXPECT_EQ(sum->weight_max, 500u);
  EXPECT_EQ(sum->devices, kVectors);
  std::vector<std::int64_t> values(20);
  values[0] = 10;
  values[9] = -20;
  values[10] = 4;
  values[11] = 3 * 256;
  values[19] = 30;
  EXPECT_EQ(sum->sum, values);
}

TEST(RingSum, RefusesACountOfOneMoreOrOneLess) {
  for (const std::uint32_t count : {0u, kVectors - 1, kVectors + 1}) {
    Lanes lanes;
    lanes.sums[0] = count;
    EXPECT_THAT(lanes.refusal(), HasSubstr("the count lane says " + std::to_string(count) + " but 3"));
  }
}

TEST(RingSum, ALaneIsAtMostWhatItsVectorsCanMakeIt) {
  for (const std::size_t lane : {Lanes::kExamples, Lanes::kValues, Lanes::kCounts, Lanes().sums.size() - 1}) {
    Lanes lanes;
    lanes.sums[lane] = 255 * kVectors;
    EXPECT_TRUE(lanes.decoded()) << lane;
    ++lanes.sums[lane];
    EXPECT_THAT(lanes.refusal(), HasSubstr("a lane is larger than 3 vectors can make it")) << lane;
  }
}

// Coordinators hear such sums from sessions of every kind, and judge them at one place.
TEST(RingSum, LeavesItToInfluenceWhetherUpdatesCanHaveMadeIt) {
  Lanes lanes;
  lanes.sums[Lanes::kWeight + 1] = kVectors * 255;
  lanes.sums[Lanes::kClippedFirst] = kVectors + 1;
  const auto sum = lanes.decoded();
  ASSERT_TRUE(sum) << sum.error().message();
  EXPECT_EQ(sum->metrics.weight, kVectors * 255u * 256 + kVectors);
  EXPECT_EQ(sum->segments[0].clipped, kVectors + 1);
  EXPECT_EQ(check_possible(lanes.plan, *sum).code(), StatusCode::kAborted);
}

}  // namespace
}  // namespace sotto::aggregator
