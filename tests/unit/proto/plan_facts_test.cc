#include "sotto/proto/plan_facts.h"

#include <gtest/gtest.h>

#include <vector>

#include "sotto/proto/float_message.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::proto {
namespace {

Plan plan() {
  Plan plan;
  plan.round = RoundId{3};
  plan.model_digest.fill(7);
  plan.model = {.architecture = Architecture::kSoftmax, .features = 4, .classes = 3};
  plan.aggregation.prg = crypto::Prg::kAes128Ctr;
  plan.aggregation.adversary = Adversary::kCurious;
  plan.aggregation.cohort_min = 5;
  plan.aggregation.honest_min = 3;
  plan.aggregation.participants_max = 300;
  plan.aggregation.corrupt_fraction = 0.25f;
  plan.aggregation.dropout_fraction = 0.125f;
  plan.aggregation.packing = Packing::kBits;
  plan.report_within_ms = 1;
  return plan;
}

TEST(PlanFacts, RingHasALaneForEachParameterAndMetricAndRoomForTheLargestCohort) {
  const secagg::RingLayout ring = ring_layout(plan());
  EXPECT_EQ(ring.lane_count(), secagg::kMetricLanes + 15);
  EXPECT_EQ(ring, secagg::RingLayout(300, secagg::kMetricLanes + 15, Packing::kBits));
}

TEST(PlanFacts, SumsOfMasksTravelInWordsInTheSameRing) {
  const secagg::RingLayout masks = mask_layout(plan());
  EXPECT_EQ(masks.packing(), Packing::kWords);
  EXPECT_EQ(masks.bits(), ring_layout(plan()).bits());
  EXPECT_EQ(masks.byte_count(), ring_layout(plan()).byte_count());
}

TEST(PlanFacts, AnUpdateHasAByteForEachLaneOrIsTheFloatMessage) {
  EXPECT_EQ(update_bytes(plan()), secagg::kMetricLanes + 15);
  Plan yardstick = plan();
  yardstick.aggregation.kind = Aggregation::kFloat;
  EXPECT_EQ(update_bytes(yardstick), 24u + 4 * 15);
}

TEST(PlanFacts, SessionsAreBoundToPlanAndModel) {
  const std::vector<std::uint8_t> bytes = encode_plan(plan());
  const secagg::SessionContext context = session_context(plan(), bytes);
  EXPECT_EQ(context.round, 3u);
  EXPECT_EQ(context.plan_digest, crypto::sha256({bytes}));
  EXPECT_EQ(context.model_digest, plan().model_digest);
  EXPECT_EQ(context.prg, crypto::Prg::kAes128Ctr);
}

TEST(PlanFacts, DevicesDemandWhatThePlanSays) {
  const secagg::ParticipantRules rules = participant_rules(plan(), 1'234);
  EXPECT_EQ(rules.cohort_min, 5);
  EXPECT_EQ(rules.participants_max, 300);
  EXPECT_EQ(rules.adversary, Adversary::kCurious);
  EXPECT_EQ(rules.corrupt_fraction, 0.25);
  EXPECT_EQ(rules.dropout_fraction, 0.125);
  EXPECT_EQ(rules.honest_min, 3);
  EXPECT_EQ(rules.now, 1'234u);
}

TEST(CheckEncoding, TakesThePlansOwnBytesOnly) {
  std::vector<std::uint8_t> bytes = encode_plan(plan());
  EXPECT_EQ(check_encoding(plan(), bytes), Status());
  EXPECT_EQ(check_encoding(plan(), Bytes(bytes).first(bytes.size() - 1)).code(),
            StatusCode::kInvalidArgument);
  bytes.back() ^= 1;
  EXPECT_EQ(check_encoding(plan(), bytes).code(), StatusCode::kInvalidArgument);
}

TEST(FloatMessage, HeadHasTheDocumentedLayout) {
  const secagg::UpdateLayout layout = secagg::UpdateLayout::classification(9, 1, 1);
  std::vector<std::uint8_t> bytes(float_head_bytes(layout));
  ByteWriter writer(bytes);
  write_float_head(writer, layout, {.weight = 1, .examples = 2, .sums = {3, 4, 5}});
  EXPECT_TRUE(writer.ok());
  const std::vector<std::uint8_t> expected = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0,
                                              0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(bytes, expected);
  ByteReader reader(bytes);
  const FloatHead head = read_float_head(reader, layout);
  EXPECT_TRUE(reader.finished());
  EXPECT_EQ(head.weight, 1u);
  EXPECT_EQ(head.examples, 2u);
  EXPECT_EQ(head.sums, (std::array<std::uint64_t, secagg::kSumsMax>{3, 4}));
  EXPECT_EQ(float_message_bytes(layout), 24u + 36);
}

}  // namespace
}  // namespace sotto::proto
