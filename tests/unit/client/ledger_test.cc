#include "sotto/client/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sotto::client {
namespace {

using proto::LedgerRefusal;
using testing::HasSubstr;

constexpr std::uint64_t kNow = 1'767'225'600;  // 2026-01-01
constexpr std::uint64_t kDay = 86'400;

// A plan of task 3, each round on a model of its own.
LedgerPlan plan_of(std::uint64_t round) {
  LedgerPlan plan{.task = TaskId{3}, .round = RoundId{round}, .version = ModelVersion{round}};
  plan.coordinator.fill(0xc0);
  plan.model.fill(static_cast<std::uint8_t>(round));
  plan.plan.fill(static_cast<std::uint8_t>(0x80 + round));
  return plan;
}

LedgerPlan with_model(LedgerPlan plan, std::uint64_t version, std::uint8_t digest) {
  plan.version = ModelVersion{version};
  plan.model.fill(digest);
  return plan;
}

class LedgerTest : public testing::Test {
 protected:
  [[nodiscard]] LedgerVerdict look(const LedgerPlan& plan) const { return ledger.look(plan, budgets, now_s); }
  // The vector of this plan leaves.
  void send(const LedgerPlan& plan) {
    ASSERT_TRUE(look(plan).allowed()) << look(plan).sentence;
    ledger.join(plan);
    ASSERT_TRUE(look(plan).allowed()) << look(plan).sentence;
    ledger.charge(plan, budgets, now_s);
  }
  void expect_refused(const LedgerPlan& plan, LedgerRefusal refusal, const char* sentence) const {
    const LedgerVerdict verdict = look(plan);
    ASSERT_FALSE(verdict.allowed()) << sentence;
    EXPECT_EQ(verdict.refusal->refusal, refusal);
    EXPECT_THAT(verdict.sentence, HasSubstr(sentence));
    EXPECT_LE(verdict.sentence.size(), limits::kReasonBytesMax) << "the coordinator is told it whole";
  }

  Ledger ledger;
  LedgerBudgets budgets;
  std::optional<std::uint64_t> now_s = kNow;
};

TEST_F(LedgerTest, RoundsOfATaskOnlyGrow) {
  send(plan_of(5));
  expect_refused(plan_of(4), LedgerRefusal::kRoundUsed, "round 4 of task 3 is not above round 5");
  EXPECT_EQ(look(plan_of(4)).refusal->last_round, RoundId{5});
  send(plan_of(6));
}

TEST_F(LedgerTest, RoundsOfOtherTasksAndOtherCoordinatorsAreTheirOwn) {
  send(plan_of(5));
  LedgerPlan other_task = plan_of(2);
  other_task.task = TaskId{4};
  send(other_task);
  LedgerPlan other_coordinator = plan_of(2);
  other_coordinator.coordinator.fill(0xc1);
  send(other_coordinator);
  EXPECT_EQ(ledger.tasks().size(), 3u);
  EXPECT_EQ(ledger.vectors(), 3u);
}

TEST_F(LedgerTest, ARoundIsJoinedAgainByItsOwnPlanUntilItsVectorHasLeft) {
  ledger.join(plan_of(5));
  EXPECT_TRUE(look(plan_of(5)).allowed()) << "the device was restarted before the cohort formed";
  LedgerPlan other = plan_of(5);
  other.plan.fill(1);
  expect_refused(other, LedgerRefusal::kRoundUsed, "round 5 of task 3 is not above round 5");
  ledger.charge(plan_of(5), budgets, now_s);
  expect_refused(plan_of(5), LedgerRefusal::kRoundUsed, "is not above round 5");
}

TEST_F(LedgerTest, ARaisedEpochIsAboveEveryRoundBefore) {
  send(plan_of(1'000'000));
  LedgerPlan restored = plan_of(1);
  restored.round = round_id({.epoch = 1, .counter = 1});
  send(restored);
  expect_refused(plan_of(1'000'001), LedgerRefusal::kRoundUsed, "is not above");
}

TEST_F(LedgerTest, OneVectorLeavesForEachModel) {
  send(with_model(plan_of(1), 7, 0xaa));
  expect_refused(with_model(plan_of(2), 7, 0xaa), LedgerRefusal::kModelSpent,
                 "vector for version 7 of the model of task 3 has left already");
  send(with_model(plan_of(2), 7, 0xab));  // another digest
  send(with_model(plan_of(3), 8, 0xaa));  // another version
  expect_refused(with_model(plan_of(4), 7, 0xac), LedgerRefusal::kModelSpent, "until the task has a newer");
}

TEST_F(LedgerTest, AModelThatWasForgottenDoesNotComeBackWithinAnEpoch) {
  for (std::uint64_t i = 1; i <= Ledger::kModelsMax + 5; ++i) send(plan_of(i));
  const std::uint64_t next = Ledger::kModelsMax + 6;
  expect_refused(with_model(plan_of(next), 1, 1), LedgerRefusal::kModelSpent, "version 1");
  LedgerPlan restored = with_model(plan_of(1), 1, 1);
  restored.round = round_id({.epoch = 1, .counter = 1});
  send(restored);  // what a set-back coordinator has; the task's budget counts on
  EXPECT_EQ(ledger.tasks().at(0).vectors, Ledger::kModelsMax + 6);
}

TEST_F(LedgerTest, OneVersionHasAsManyModelsAsAreRemembered) {
  for (std::uint64_t i = 1; i <= Ledger::kModelsMax; ++i) {
    send(with_model(plan_of(i), 1, static_cast<std::uint8_t>(i)));
  }
  const LedgerPlan next = with_model(plan_of(Ledger::kModelsMax + 1), 1, 0xff);
  expect_refused(next, LedgerRefusal::kModelSpent, "version 1");
  send(with_model(next, 2, 0xff));
}

TEST_F(LedgerTest, ATaskHasItsBudget) {
  budgets.vectors_per_task = 3;
  for (std::uint64_t i = 1; i <= 3; ++i) send(plan_of(i));
  now_s = kNow + 1000 * kDay;
  expect_refused(plan_of(4), LedgerRefusal::kTaskSpent, "3 vectors of this device have left for task 3");
  LedgerPlan other = plan_of(4);
  other.task = TaskId{4};
  send(other);
}

TEST_F(LedgerTest, APeriodHasItsBudgetWhateverTheTask) {
  budgets.vectors_per_period = 2;
  send(plan_of(1));
  now_s = kNow + kDay - 1;
  LedgerPlan other = plan_of(1);
  other.task = TaskId{4};
  send(other);
  other.task = TaskId{5};
  expect_refused(other, LedgerRefusal::kPeriodSpent,
                 "2 vectors of this device have left, as many as its owner allows in 86400 s: until "
                 "2026-01-02T00:00:00Z");
  EXPECT_EQ(look(other).refusal->until_s, kNow + kDay);
  now_s = kNow + kDay;
  send(other);
  EXPECT_EQ(ledger.period_vectors(), 1u);
  EXPECT_EQ(ledger.period_start_s(), kNow + kDay);
}

TEST_F(LedgerTest, AClockThatIsSetBackBeginsNoPeriod) {
  budgets.vectors_per_period = 1;
  send(plan_of(1));
  now_s = kNow - 10 * kDay;
  expect_refused(plan_of(2), LedgerRefusal::kPeriodSpent, "until 2026-01-02");
}

TEST_F(LedgerTest, WithoutAClockThereIsOnePeriod) {
  budgets.vectors_per_period = 2;
  now_s.reset();
  send(plan_of(1));
  send(plan_of(2));
  expect_refused(plan_of(3), LedgerRefusal::kPeriodSpent, "as its owner allows a device without a clock");
  EXPECT_EQ(look(plan_of(3)).refusal->until_s, 0u);
  EXPECT_EQ(ledger.period_start_s(), 0u);
}

TEST_F(LedgerTest, TheTaskLongestUnusedIsFoldedIntoCounters) {
  budgets.vectors_per_period = UINT32_MAX;
  for (std::uint64_t i = 0; i < Ledger::kTasksMax; ++i) {
    LedgerPlan plan = plan_of(1);
    plan.task = TaskId{i};
    send(plan);
  }
  LedgerPlan first = plan_of(2);
  first.task = TaskId{0};
  send(first);
  LedgerPlan one_more = plan_of(1);
  one_more.task = TaskId{Ledger::kTasksMax};
  send(one_more);
  EXPECT_EQ(ledger.tasks().size(), Ledger::kTasksMax);
  EXPECT_EQ(ledger.folded_tasks(), 1u);
  EXPECT_EQ(ledger.folded_vectors(), 1u);
  EXPECT_EQ(ledger.vectors(), Ledger::kTasksMax + 2);
  expect_refused(first, LedgerRefusal::kRoundUsed, "round 2 of task 0");
  EXPECT_LE(ledger.encode().size(), Ledger::kBytesMax);
}

TEST_F(LedgerTest, WithoutBoundsRoundsStillOnlyGrow) {
  budgets = kUnboundedLedger;
  for (std::uint64_t i = 1; i <= 3 * Ledger::kModelsMax; ++i) send(with_model(plan_of(i), 1, 1));
  EXPECT_EQ(ledger.tasks().at(0).models.at(0).vectors, 3 * Ledger::kModelsMax);
  expect_refused(plan_of(2), LedgerRefusal::kRoundUsed, "round 2");
}

// ---- bytes ----

TEST_F(LedgerTest, DecodesToWhatWasEncoded) {
  EXPECT_EQ(*Ledger::decode(ledger.encode()), ledger);
  for (std::uint64_t i = 1; i <= Ledger::kModelsMax + 2; ++i) send(plan_of(i));
  LedgerPlan other = plan_of(9);
  other.task = TaskId{4};
  ledger.join(other);
  const Result<Ledger> decoded = Ledger::decode(ledger.encode());
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, ledger);
}

TEST_F(LedgerTest, AnyDamageIsRefused) {
  send(plan_of(1));
  const std::vector<std::uint8_t> bytes = ledger.encode();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::vector<std::uint8_t> damaged = bytes;
    damaged[i] ^= 0x10;
    EXPECT_EQ(Ledger::decode(damaged).status().code(), StatusCode::kDataLoss) << "byte " << i;
    EXPECT_FALSE(Ledger::decode(Bytes(bytes).first(i)).has_value()) << i << " bytes";
  }
  std::vector<std::uint8_t> longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(Ledger::decode(longer).has_value());
}

// The bytes with a digest that fits them.
std::vector<std::uint8_t> sealed(std::vector<std::uint8_t> bytes) {
  const std::size_t body = bytes.size() - sizeof(crypto::Digest);
  const crypto::Digest digest = crypto::sha256({Bytes(bytes).first(body)});
  std::copy(digest.begin(), digest.end(), bytes.begin() + static_cast<std::ptrdiff_t>(body));
  return bytes;
}

TEST_F(LedgerTest, NumbersOutOfRangeAreRefusedWhateverTheDigestSays) {
  send(plan_of(1));
  const std::vector<std::uint8_t> bytes = ledger.encode();
  constexpr std::size_t kHead = 4 + 1 + 5 * 8 + 2;
  const struct {
    std::size_t at;
    std::uint8_t value;
    const char* sentence;
  } cases[] = {{0, 'X', "another kind of file"},
               {4, 2, "version 2, this program reads version 1: update it"},
               {kHead - 1, 2, "more tasks than it can have"},
               {kHead - 2, 2, "does not decode"},
               {kHead + 80, 2, "does not decode"},
               {kHead + 81, 2, "does not decode"},
               {kHead + 82 + 32, 17, "does not decode"}};
  for (const auto& wrong : cases) {
    std::vector<std::uint8_t> spoilt = bytes;
    spoilt[wrong.at] = wrong.value;
    EXPECT_THAT(Ledger::decode(sealed(spoilt)).status().message(), HasSubstr(wrong.sentence)) << wrong.at;
  }
}

// ---- with a place behind it ----

// Keeps what it is given, and fails when it is told to: before it has written, or after.
struct FailingDisk {
  enum class Cut : std::uint8_t { kNone, kBefore, kAfter };
  Status write(Bytes ledger) {
    ++writes;
    const Cut now = writes == cut_at ? cut : Cut::kNone;
    if (now == Cut::kBefore) return io_error("the power is gone");
    content.assign(ledger.begin(), ledger.end());
    return now == Cut::kAfter ? io_error("the power is gone") : Status();
  }

  std::vector<std::uint8_t> content = Ledger().encode();
  std::size_t writes = 0;
  std::size_t cut_at = 0;
  Cut cut = Cut::kNone;
  bool is_stopped = false;
};

// Outlived by its disk, as a process is.
class PlaceOnDisk final : public LedgerPlace {
 public:
  explicit PlaceOnDisk(FailingDisk& disk) : disk_(disk) {}
  Status write(Bytes ledger) override { return disk_.write(ledger); }
  Result<bool> stopped() override { return disk_.is_stopped; }

 private:
  FailingDisk& disk_;
};

TEST(KeptLedger, WritesBeforeItAllowsAndOnlyThen) {
  FailingDisk place;
  const auto kept = keep_ledger({}, {}, std::make_unique<PlaceOnDisk>(place));
  EXPECT_TRUE(kept->look(plan_of(1), kNow)->allowed());
  EXPECT_EQ(place.writes, 0u);
  EXPECT_TRUE(kept->join(plan_of(1), kNow)->allowed());
  EXPECT_EQ(Ledger::decode(place.content)->tasks().at(0).round, RoundId{1});
  EXPECT_EQ(Ledger::decode(place.content)->vectors(), 0u);
  EXPECT_TRUE(kept->charge(plan_of(1), kNow)->allowed());
  EXPECT_EQ(Ledger::decode(place.content)->vectors(), 1u);
  EXPECT_FALSE(kept->join(plan_of(1), kNow)->allowed());
  EXPECT_EQ(place.writes, 2u) << "a refusal changes nothing";
}

TEST(KeptLedger, WhatItsOwnerStoppedRefusesEverything) {
  FailingDisk place;
  const auto kept = keep_ledger({}, {}, std::make_unique<PlaceOnDisk>(place));
  place.is_stopped = true;
  for (const auto& verdict :
       {kept->look(plan_of(1), kNow), kept->join(plan_of(1), kNow), kept->charge(plan_of(1), kNow)}) {
    EXPECT_EQ(verdict->refusal->refusal, LedgerRefusal::kStopped);
    EXPECT_THAT(verdict->sentence, HasSubstr("`sotto device ledger FILE --allow`"));
  }
  place.is_stopped = false;
  EXPECT_TRUE(kept->join(plan_of(1), kNow)->allowed());
}

// Power is cut at every write in turn, before and after it, and the device starts again with what its ledger
// holds: no more vectors left than the ledger knows of, and no more than the budget.
TEST(KeptLedger, APowerCutAtAnyWriteNeverLetsMoreLeaveThanItKnows) {
  const LedgerBudgets budgets{.vectors_per_task = 4};
  for (const auto cut : {FailingDisk::Cut::kBefore, FailingDisk::Cut::kAfter}) {
    for (std::size_t cut_at = 1; cut_at <= 12; ++cut_at) {
      FailingDisk place;
      place.cut = cut;
      place.cut_at = cut_at;
      std::uint64_t left = 0;
      auto kept = keep_ledger({}, budgets, std::make_unique<PlaceOnDisk>(place));
      for (std::uint64_t round = 1; round <= 10; ++round) {
        const Result<LedgerVerdict> joined = kept->join(plan_of(round), kNow);
        const Result<LedgerVerdict> charged =
            joined && joined->allowed() ? kept->charge(plan_of(round), kNow) : joined;
        if (charged && charged->allowed()) ++left;
        if (!charged)
          kept = keep_ledger(*Ledger::decode(place.content), budgets, std::make_unique<PlaceOnDisk>(place));
        ASSERT_LE(left, Ledger::decode(place.content)->vectors()) << "cut at write " << cut_at;
      }
      EXPECT_LE(left, 4u);
      EXPECT_GE(left, 3u) << "one may be lost to the cut";
    }
  }
}

}  // namespace
}  // namespace sotto::client
