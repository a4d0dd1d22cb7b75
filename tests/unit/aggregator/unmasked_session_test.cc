#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cohort.h"
#include "sotto/crypto/primitives.h"

namespace sotto::aggregator {
namespace {

using proto::Step;
using ::testing::HasSubstr;

std::unique_ptr<CohortSession> make(const proto::Plan& plan) {
  crypto::SeededRandom random(1);
  auto session = make_cohort_session(plan, proto::encode_plan(plan), random);
  EXPECT_TRUE(session.has_value());
  return std::move(*session);
}

proto::Plan plan_of(proto::Aggregation kind) {
  proto::Plan plan = small_plan(9, 20);
  plan.aggregation.kind = kind;
  return plan;
}

struct FloatUpdate {
  std::uint32_t weight = 100;
  std::uint32_t examples = 100;
  std::uint64_t correct = 40;
  std::uint64_t loss_1024 = 5000;
  std::vector<float> delta = std::vector<float>(20, 0.25f);
};

std::vector<std::uint8_t> encode(const FloatUpdate& update) {
  std::vector<std::uint8_t> bytes(24 + 4 * update.delta.size());
  ByteWriter writer(bytes);
  writer.u32(update.weight);
  writer.u32(update.examples);
  writer.u64(update.correct);
  writer.u64(update.loss_1024);
  for (const float value : update.delta) writer.f32(value);
  return bytes;
}

void admit(CohortSession& session, std::size_t devices) {
  for (std::uint16_t i = 0; i < devices; ++i) {
    ParticipantIndex index{9999};
    ASSERT_EQ(session.admit({}, index), Rejection::kNone);
    EXPECT_EQ(index.value, i);
  }
}

void open_collect(CohortSession& session, std::size_t devices) {
  admit(session, devices);
  ASSERT_TRUE(session.close_step().has_value());
  ASSERT_EQ(session.step(), Step::kCollect);
}

CohortSum finish(CohortSession& session) {
  const auto progress = session.close_step();
  EXPECT_TRUE(progress.has_value() && *progress == CohortSession::Progress::kReadyToFinish);
  InlineExecutor executor;
  auto sum = session.finish(executor);
  EXPECT_TRUE(sum.has_value());
  return sum.has_value() ? *sum : CohortSum();
}

TEST(PlainSession, SumsExactlyWhatDevicesSent) {
  Cohort cohort(plan_of(proto::Aggregation::kPlain), 12, 5);
  const Play everyone;
  const Outcome outcome = cohort.play(everyone);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  expect_equal(outcome.sum, cohort.expected(everyone));
}

TEST(PlainSession, CountsOnlyWhoDelivered) {
  Cohort cohort(plan_of(proto::Aggregation::kPlain), 12, 6);
  const Play play{.leaves = leaving(12, 4, Leaves::kAfterKeys)};
  const Outcome outcome = cohort.play(play);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_EQ(outcome.sum.devices, 9u);
  expect_equal(outcome.sum, cohort.expected(play));
}

TEST(PlainSession, RefusesAVectorOfAnotherLength) {
  const auto session = make(plan_of(proto::Aggregation::kPlain));
  open_collect(*session, 3);
  const std::size_t right = 2 * secagg::update_lanes(20);
  for (const std::size_t length : {std::size_t{0}, right - 2, right + 2}) {
    EXPECT_EQ(session->receive({0}, Step::kCollect, std::vector<std::uint8_t>(length)),
              Rejection::kWrongLength);
  }
  EXPECT_FALSE(session->answered({0}));
}

TEST(PlainSession, AbandonsASumWhoseCountLaneLies) {
  Cohort cohort(plan_of(proto::Aggregation::kPlain), 5, 6);
  cohort.lanes(2)[0] = 3;
  const Outcome outcome = cohort.play({});
  EXPECT_EQ(outcome.status.code(), StatusCode::kAborted);
  EXPECT_THAT(outcome.status.message(), HasSubstr("the count lane says 7 but 5 vectors were summed"));
}

TEST(PlainSession, AbandonsASumOfImpossibleLanes) {
  Cohort cohort(plan_of(proto::Aggregation::kPlain), 5, 6);
  Play play;
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kCollect && device == 3) payload.back() = 0xf0;  // a lane far above 255
  };
  EXPECT_THAT(cohort.play(play).status.message(), HasSubstr("a lane is larger than 5 vectors can make it"));
}

TEST(PlainSession, CountsTheSameBytesOnceAndRefusesOthers) {
  Cohort cohort(plan_of(proto::Aggregation::kPlain), 3, 8);
  const auto session = make(plan_of(proto::Aggregation::kPlain));
  open_collect(*session, 3);
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(session->answered({i}));
    EXPECT_EQ(session->receive({i}, Step::kCollect, cohort.ring_vector(i)), Rejection::kNone);
    EXPECT_EQ(session->receive({i}, Step::kCollect, cohort.ring_vector(i)), Rejection::kNone);
    EXPECT_EQ(session->receive({i}, Step::kCollect, cohort.ring_vector((i + 1) % 3)), Rejection::kDuplicate);
    EXPECT_TRUE(session->answered({i}));
  }
  EXPECT_EQ(session->answered_count(), 3u);
  expect_equal(finish(*session), cohort.expected(Play{}));
}

TEST(UnmaskedSession, RefusesAJoinPayload) {
  const auto session = make(plan_of(proto::Aggregation::kPlain));
  ParticipantIndex index;
  EXPECT_EQ(session->admit(std::vector<std::uint8_t>(64), index), Rejection::kMalformed);
  EXPECT_EQ(session->awaited_count(), 0u);
}

TEST(UnmaskedSession, TakesNoMoreParticipantsThanThePlanAllows) {
  const auto session = make(plan_of(proto::Aggregation::kPlain));
  admit(*session, 20);
  ParticipantIndex index;
  EXPECT_EQ(session->admit({}, index), Rejection::kBadParameters);
  EXPECT_EQ(session->awaited_count(), 20u);
}

TEST(UnmaskedSession, RefusesStrangersAndOtherPhases) {
  const auto session = make(plan_of(proto::Aggregation::kFloat));
  admit(*session, 3);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({})), Rejection::kWrongPhase);
  ASSERT_TRUE(session->close_step().has_value());
  ParticipantIndex index;
  EXPECT_EQ(session->admit({}, index), Rejection::kWrongPhase);
  EXPECT_EQ(session->receive({3}, Step::kCollect, encode({})), Rejection::kUnknownParticipant);
  EXPECT_EQ(session->receive({0}, Step::kShare, encode({})), Rejection::kWrongPhase);
  EXPECT_EQ(session->receive({0}, static_cast<Step>(9), encode({})), Rejection::kWrongPhase);
  EXPECT_EQ(session->receive({0}, Step::kJoin, {}), Rejection::kNone) << "a repeated join is not an error";
  EXPECT_EQ(session->receive({0}, Step::kJoin, encode({})), Rejection::kDuplicate);
  EXPECT_FALSE(session->awaited({3}));
  EXPECT_FALSE(session->answered({3}));
}

TEST(UnmaskedSession, EndsBelowTheMinimumWithTheReason) {
  for (const proto::Aggregation kind : {proto::Aggregation::kPlain, proto::Aggregation::kFloat}) {
    const auto few = make(plan_of(kind));
    admit(*few, 2);
    const auto joined = few->close_step();
    ASSERT_FALSE(joined.has_value());
    EXPECT_EQ(joined.error().code(), StatusCode::kAborted);
    EXPECT_THAT(joined.error().message(),
                HasSubstr("2 of 2 participants answered step join, at least 3 are needed"));
    EXPECT_FALSE(few->close_step().has_value());
    const auto silent = make(plan_of(kind));
    open_collect(*silent, 5);
    EXPECT_THAT(silent->close_step().error().message(),
                HasSubstr("0 of 5 participants answered step collect"));
    EXPECT_EQ(silent->receive({0}, Step::kCollect, encode({})), Rejection::kWrongPhase);
  }
}

TEST(FloatSession, GivesTheWeightedMeanToTheLastBit) {
  const auto session = make(plan_of(proto::Aggregation::kFloat));  // weight_max 500
  open_collect(*session, 3);
  const FloatUpdate updates[] = {
      {.weight = 500, .examples = 900, .correct = 1, .loss_1024 = 10, .delta = std::vector<float>(20, 1.0f)},
      {.weight = 250, .examples = 250, .correct = 2, .loss_1024 = 20, .delta = std::vector<float>(20, -0.5f)},
      {.weight = 250, .examples = 250, .correct = 3, .loss_1024 = 30, .delta = std::vector<float>(20, 0.25f)},
  };
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_EQ(session->receive({i}, Step::kCollect, encode(updates[i])), Rejection::kNone);
  }
  const CohortSum sum = finish(*session);
  EXPECT_EQ(sum.metrics, (secagg::MetricSums{
                             .count = 3, .weight = 1000, .examples = 1400, .sums = {6, 60}, .clipped = 0}));
  EXPECT_EQ(sum.devices, 3u);
  // (500 * 1 - 250 * 0.5 + 250 * 0.25) / 1000
  EXPECT_EQ(sum.weighted_mean(), std::vector<double>(20, 0.4375));
}

// A float plan of 20 parameters: weighted by examples, counted once for each device, and counts.
proto::Plan float_plan_of_runs() {
  proto::Plan plan = plan_of(proto::Aggregation::kFloat);
  plan.model.segments = {
      {.length = 10},
      {.length = 6, .weighting = secagg::Weighting::kOne},
      {.length = 4,
       .encoding = secagg::Encoding::kCount,
       .count_bytes = 2,
       .weighting = secagg::Weighting::kOne},
  };
  EXPECT_TRUE(proto::validate_plan(plan).ok());
  return plan;
}

// Values for float_plan_of_runs().
std::vector<float> runs(float weighted, float once, float count) {
  std::vector<float> values(10, weighted);
  values.insert(values.end(), 6, once);
  values.insert(values.end(), 4, count);
  return values;
}

TEST(FloatSession, WeighsEveryRunInItsOwnWayAndSumsCountsExactly) {
  const auto session = make(float_plan_of_runs());
  open_collect(*session, 3);
  const FloatUpdate updates[] = {
      {.weight = 500, .examples = 500, .delta = runs(1, 0.5f, 65'535)},
      {.weight = 250, .examples = 250, .delta = runs(-0.5f, 0.25f, 0)},
      {.weight = 250, .examples = 250, .delta = runs(0.25f, -1.5f, 3)},
  };
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_EQ(session->receive({i}, Step::kCollect, encode(updates[i])), Rejection::kNone);
  }
  const CohortSum sum = finish(*session);
  const std::vector<SumSegment> segments = {
      {.length = 10, .unit = 0x1p-40},
      {.length = 6, .unit = 0x1p-40, .weighting = secagg::Weighting::kOne},
      {.length = 4, .unit = 1, .weighting = secagg::Weighting::kOne},
  };
  EXPECT_EQ(sum.segments, segments);
  std::vector<std::int64_t> expected(10, std::int64_t{7} << 37);  // 1 - 0.5 / 2 + 0.25 / 2
  expected.insert(expected.end(), 6, -(std::int64_t{3} << 38));   // 0.5 + 0.25 - 1.5
  expected.insert(expected.end(), 4, 65'538);
  EXPECT_EQ(sum.sum, expected);
}

TEST(FloatSession, ACountIsAWholeNumberThatItsBytesHold) {
  const auto session = make(float_plan_of_runs());
  open_collect(*session, 3);
  for (const float bad : {-1.0f, 0.5f, 65'534.5f, 65'536.0f, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.delta = runs(0, 0, bad)})),
              Rejection::kMalformed)
        << bad;
  }
  // Counts may be larger than values may be.
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.delta = runs(0, 0, 65'535)})), Rejection::kNone);
  EXPECT_EQ(session->receive({1}, Step::kCollect, encode({.delta = runs(0, 4097, 0)})),
            Rejection::kMalformed);
}

TEST(FloatSession, TakesSumsToTheEndOfTheirBytes) {
  const auto session = make(plan_of(proto::Aggregation::kFloat));
  open_collect(*session, 3);
  const std::uint64_t correct = (std::uint64_t{1} << 32) - 1;
  const std::uint64_t loss = (std::uint64_t{1} << 48) - 1;
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_EQ(session->receive({i}, Step::kCollect, encode({.correct = correct, .loss_1024 = loss})),
              Rejection::kNone);
  }
  const secagg::MetricSums metrics = finish(*session).metrics;
  EXPECT_EQ(metrics.sums[0], 3 * correct);
  EXPECT_EQ(metrics.sums[1], 3 * loss);
}

TEST(FloatSession, DoesNotDependOnTheOrderOfArrival) {
  std::vector<std::vector<std::uint8_t>> payloads;
  crypto::SeededRandom random(11);
  for (std::uint32_t i = 0; i < 20; ++i) {
    FloatUpdate update{.weight = 1 + i * 7};
    for (float& value : update.delta)
      value = static_cast<float>(std::ldexp(random.uniform() - 0.5, static_cast<int>(i) - 10));
    payloads.push_back(encode(update));
  }
  std::vector<CohortSum> sums;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto session = make(plan_of(proto::Aggregation::kFloat));
    open_collect(*session, payloads.size());
    for (std::uint16_t i = 0; i < payloads.size(); ++i) {
      EXPECT_EQ(session->receive({i}, Step::kCollect, payloads[i]), Rejection::kNone);
    }
    sums.push_back(finish(*session));
    std::reverse(payloads.begin(), payloads.end());
  }
  expect_equal(sums[0], sums[1]);
}

TEST(FloatSession, RefusesWhatIsNotAnUpdateAndKeepsNothingOfIt) {
  const auto session = make(plan_of(proto::Aggregation::kFloat));
  open_collect(*session, 3);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), 4096.5f, -1e30f}) {
    FloatUpdate update;
    update.delta.back() = bad;
    EXPECT_EQ(session->receive({0}, Step::kCollect, encode(update)), Rejection::kMalformed) << bad;
  }
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.weight = 501})), Rejection::kMalformed);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.weight = 0})), Rejection::kMalformed);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.examples = 0})), Rejection::kMalformed);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.correct = std::uint64_t{1} << 32})),
            Rejection::kMalformed);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.loss_1024 = std::uint64_t{1} << 48})),
            Rejection::kMalformed);
  EXPECT_EQ(session->receive({0}, Step::kCollect, encode({.delta = std::vector<float>(19)})),
            Rejection::kWrongLength);
  FloatUpdate largest{.weight = 500};
  largest.delta.assign(20, 4096.0f);
  for (std::uint16_t i = 0; i < 3; ++i) {
    EXPECT_EQ(session->receive({i}, Step::kCollect, encode(largest)), Rejection::kNone);
  }
  EXPECT_EQ(finish(*session).weighted_mean(), std::vector<double>(20, 4096.0));
}

}  // namespace
}  // namespace sotto::aggregator
