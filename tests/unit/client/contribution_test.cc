// Payloads by themselves: what a refusal leaves behind.
#include "session/contribution.h"

#include <gtest/gtest.h>

#include "cohort_coordinator.h"
#include "session_script.h"
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
  const secagg::Identity& device = secagg::enrolled_device("kitchen-7");
  const struct {
    proto::Parties parties;
    Rejection reason;
  } cases[] = {
      {{.identity = &device, .helper = &small_order}, Rejection::kBadKey},
      {{.identity = &device, .helper = nullptr}, Rejection::kNotEligible},
      {{.identity = nullptr, .helper = &small_order}, Rejection::kNotEligible},
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

}  // namespace
}  // namespace sotto::client
