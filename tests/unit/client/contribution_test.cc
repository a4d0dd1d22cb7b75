// Payloads by themselves: what a refusal leaves behind.
#include "session/contribution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cohort_coordinator.h"
#include "session_script.h"
#include "sotto/proto/plan_facts.h"
#include "support/enrolment.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::Step;

std::vector<std::uint8_t> encoded(const Task& task) {
  ReplayableRandom rounding(6);
  return encode_update(task.plan, good_update(), rounding).value();
}

TEST(Contribution, AOneShotRefusalLeavesNoPayload) {
  const Task task(Aggregation::kOneShot);
  ReplayableRandom keys(5);
  const crypto::X25519PublicKey small_order{};
  const secagg::MaskHelpers helpers{.keys = {&small_order, 1}};
  const secagg::Identity& device = secagg::enrolled_device("kitchen-7");
  const struct {
    proto::Parties parties;
    Rejection reason;
  } cases[] = {
      {{.identity = &device, .helpers = helpers}, Rejection::kBadKey},
      {{.identity = &device, .helpers = {}}, Rejection::kNotEligible},
      {{.identity = nullptr, .helpers = helpers}, Rejection::kNotEligible},
  };
  for (const auto& [parties, reason] : cases) {
    Contribution contribution(task.plan, task.plan_bytes, encoded(task), parties, keys);
    std::vector<std::uint8_t> payload = {1, 2, 3};
    EXPECT_EQ(contribution.join(payload), reason);
    EXPECT_TRUE(payload.empty());
  }
}

TEST(Contribution, ARefusedStepLeavesNoPayload) {
  for (const Aggregation kind : {Aggregation::kSecure, Aggregation::kPlain, Aggregation::kFloat}) {
    const Task task(kind);
    ReplayableRandom keys(5);
    Contribution contribution(task.plan, task.plan_bytes, encoded(task),
                              {.identity = &secagg::enrolled_device("kitchen-7")}, keys);
    std::vector<std::uint8_t> payload;
    ASSERT_EQ(contribution.join(payload), Rejection::kNone);
    payload = {1, 2, 3};
    EXPECT_EQ(contribution.answer({Step::kUnmask, {}}, payload), Rejection::kWrongPhase);
    EXPECT_TRUE(payload.empty());
    payload = {1, 2, 3};
    const Step next = kind == Aggregation::kSecure ? Step::kShare : Step::kCollect;
    EXPECT_NE(contribution.answer({next, {9}}, payload), Rejection::kNone);
    EXPECT_TRUE(payload.empty());
  }
}

TEST(Contribution, AnUpdateIsKeptUntilItIsSent) {
  const Task task(Aggregation::kPlain);
  ReplayableRandom keys(5);
  Contribution contribution(task.plan, task.plan_bytes, encoded(task), {}, keys);
  std::vector<std::uint8_t> payload;
  ASSERT_EQ(contribution.join(payload), Rejection::kNone);
  EXPECT_EQ(contribution.update(), encoded(task));
  ASSERT_EQ(contribution.answer({Step::kCollect, {}}, payload), Rejection::kNone);
  EXPECT_FALSE(payload.empty());
  EXPECT_TRUE(contribution.update().empty());
}

// A task with as many metrics as there may be, metric i of i % 3 + 1 bytes and 2^i units of one.
Task task_of_many_metrics(Aggregation kind) {
  Task task(kind);
  task.plan.model.metrics = {};
  for (std::size_t i = 0; i < secagg::kSumsMax; ++i) {
    proto::Metric metric{
        .name = "metric_", .bytes = static_cast<std::uint8_t>(i % 3 + 1), .scale = std::uint32_t{1} << i};
    EXPECT_TRUE(metric.name.push_back(static_cast<char>('0' + i)));
    EXPECT_TRUE(task.plan.model.metrics.push_back(metric));
  }
  EXPECT_TRUE(proto::validate_plan(task.plan).ok());
  return task;
}

LocalUpdate update_of_many_metrics() {
  LocalUpdate update = good_update();
  update.metrics.sums = {1, 2.75, 3.5, 4, 5, 6.0625, 7, 8.5};
  return update;
}

// The whole units of these sums.
constexpr std::uint64_t kUnits[secagg::kSumsMax] = {1, 5, 14, 32, 80, 194, 255, 1088};

TEST(EncodeUpdate, WritesEverySumThatTheTaskDeclaresInItsOwnUnits) {
  const Task task = task_of_many_metrics(Aggregation::kSecure);
  ReplayableRandom rounding(6);
  const auto lanes = encode_update(task.plan, update_of_many_metrics(), rounding);
  ASSERT_TRUE(lanes) << lanes.error().message();
  ByteReader reader(*lanes);
  EXPECT_EQ(reader.u8(), 1u);
  EXPECT_EQ(reader.u32(), 16u);
  EXPECT_EQ(reader.u32(), 20u);
  for (std::size_t i = 0; i < secagg::kSumsMax; ++i) {
    std::uint64_t sum = 0;
    for (std::size_t byte = 0; byte < i % 3 + 1; ++byte) sum += std::uint64_t{reader.u8()} << (8 * byte);
    EXPECT_EQ(sum, kUnits[i]) << i;
  }
  EXPECT_EQ(reader.u8(), 1u);  // clipped
  EXPECT_EQ(reader.remaining(), 8u);
}

TEST(EncodeUpdate, WritesEverySumBesideFloats) {
  const Task task = task_of_many_metrics(Aggregation::kFloat);
  ReplayableRandom rounding(6);
  const auto message = encode_update(task.plan, update_of_many_metrics(), rounding);
  ASSERT_TRUE(message) << message.error().message();
  ByteReader reader(*message);
  EXPECT_EQ(reader.u32(), 16u);
  EXPECT_EQ(reader.u32(), 20u);
  for (const std::uint64_t units : kUnits) EXPECT_EQ(reader.u64(), units);
  for (const float value : good_update().delta) EXPECT_EQ(reader.f32(), value);
  EXPECT_TRUE(reader.finished());
}

TEST(EncodeUpdate, LooksAtTheDeclaredSumsOnly) {
  const Task task(Aggregation::kSecure);  // it declares two
  LocalUpdate update = good_update();
  update.metrics.sums[2] = std::nan("");
  update.metrics.sums[7] = -1;
  ReplayableRandom rounding(6);
  const auto lanes = encode_update(task.plan, update, rounding);
  ASSERT_TRUE(lanes) << lanes.error().message();
  EXPECT_EQ(*lanes, encoded(task));
}

}  // namespace
}  // namespace sotto::client
