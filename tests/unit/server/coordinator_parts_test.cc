// The coordinator's parts that stand alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "coordinator/deadlines.h"
#include "coordinator/held_calls.h"
#include "coordinator/initial_model.h"
#include "coordinator/pacing.h"
#include "coordinator/round.h"
#include "coordinator/task.h"
#include "coordinator/visit_table.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {
namespace {

TEST(CohortSizes, SplitsAsEvenlyAsPossible) {
  EXPECT_EQ(cohort_sizes(10, 3, 256), std::vector<std::uint32_t>({10}));
  EXPECT_EQ(cohort_sizes(10, 3, 4), std::vector<std::uint32_t>({4, 3, 3}));
  EXPECT_EQ(cohort_sizes(1000, 3, 256), std::vector<std::uint32_t>({250, 250, 250, 250}));
}

TEST(CohortSizes, NeverMakesACohortTooSmallOrTooLarge) {
  for (std::uint32_t low = 1; low <= 6; ++low) {
    for (std::uint32_t high = low; high <= 9; ++high) {
      for (std::uint32_t joined = 0; joined <= 60; ++joined) {
        const auto sizes = cohort_sizes(joined, low, high);
        EXPECT_EQ(sizes.empty(), joined < low);
        for (const std::uint32_t size : sizes) {
          EXPECT_GE(size, low);
          EXPECT_LE(size, high);
        }
        const std::uint32_t placed = std::accumulate(sizes.begin(), sizes.end(), 0u);
        EXPECT_LE(placed, joined);
        if (joined >= low * ((joined + high - 1) / high)) {
          EXPECT_EQ(placed, joined);
        }
      }
    }
  }
}

TEST(CohortSizes, LeavesOverWhoFitsInNoCohort) {
  EXPECT_EQ(cohort_sizes(5, 4, 4), std::vector<std::uint32_t>({4}));
}

StoredTask task_for(std::uint32_t participants) {
  StoredTask task;
  task.spec.name = "steps";
  task.spec.participants = participants;
  task.spec.model.features = 3;
  task.spec.model.classes = 2;
  task.model.clip = 1;
  return task;
}

// A device that checks in anew again and again, beside others that train.
TEST(RoundPlanned, StaysBoundedHoweverOftenPlansAreReturned) {
  Round round(task_for(3), RoundId{1}, {});
  const auto token = [](std::uint64_t number) {
    SessionToken made;
    store_le(made.value.data(), number);
    return made;
  };
  round.issue(Time{1});
  round.plan_given(token(1));
  round.plan_given(token(2));
  for (std::uint64_t number = 100; number < 1100; ++number) {
    round.plan_given(token(number));
    round.plan_returned(token(number), Round::Place::kItsOwn);
    ASSERT_LE(round.planned().size(), 2 * round.plans_max()) << number;
  }
  round.plan_given(token(3));
  EXPECT_EQ(round.plans_given(), 3u);
  for (const std::uint64_t number : {1, 2, 3}) {
    EXPECT_EQ(std::ranges::count(round.planned(), token(number)), 1) << number;
  }
}

// The place of a device that is late is another's already when the device leaves, or begins anew.
TEST(RoundPlaces, AreGivenOnOnceHoweverTheirHoldersGo) {
  Round round(task_for(3), RoundId{1}, {});
  const auto token = [](std::uint64_t number) {
    SessionToken made;
    store_le(made.value.data(), number);
    return made;
  };
  EXPECT_FALSE(round.free_place()) << "nobody has one";
  round.issue(Time{1});
  for (const std::uint64_t number : {1, 2, 3}) round.plan_given(token(number));
  EXPECT_FALSE(round.has_plans_left());
  EXPECT_TRUE(round.free_place());
  EXPECT_EQ(round.places_taken(), 2u);
  round.plan_lost("late", "", Round::Place::kGivenOn);
  EXPECT_EQ(round.places_taken(), 2u);
  round.plan_given(token(4));
  EXPECT_TRUE(round.free_place());
  round.plan_returned(token(4), Round::Place::kGivenOn);
  EXPECT_EQ(round.places_taken(), 2u) << "as before it had the plan";
  round.plan_lost("battery", "", Round::Place::kItsOwn);
  EXPECT_EQ(round.places_taken(), 1u);
  EXPECT_EQ(round.outstanding(), 1u);
  EXPECT_TRUE(round.free_place());
  EXPECT_FALSE(round.free_place()) << "there is no other";
  EXPECT_EQ(round.places_taken(), 0u);
}

TEST(NextRound, IsDueAtOnceUnlessSomethingThatIsWaitedForSaysWhen) {
  constexpr Time kNow{1'000};
  constexpr std::int64_t kHorizon = 60'000;
  Task task(task_for(3), {});
  EXPECT_EQ(task.next_round_in_ms(kNow, kHorizon), 0);
  task.next_round_at = Time{1'700};
  task.reserve_at = Time{1'300};
  EXPECT_EQ(task.next_round_in_ms(kNow, kHorizon), 700) << "the last of them";
  task.ended.push_back({.round = RoundId{1}, .retry_at = Time{1'900}});
  EXPECT_EQ(task.next_round_in_ms(kNow, kHorizon), 900);
  EXPECT_EQ(task.next_round_in_ms(Time{2'000}, kHorizon), 0) << "all are past";
  task.helper_missing = true;
  EXPECT_EQ(task.next_round_in_ms(Time{2'000}, kHorizon), 5'000) << "a helper is expected back";
  task.stored.state = proto::TaskState::kPaused;
  EXPECT_EQ(task.next_round_in_ms(kNow, kHorizon), kHorizon);
}

TEST(Deadlines, PopsInOrderOfTimeAndOnlyWhatIsDue) {
  Deadlines deadlines;
  EXPECT_EQ(deadlines.next(), kNever);
  const DeadlineKey round{TaskId{1}, DeadlineKey::Kind::kJoining, RoundId{1}};
  const DeadlineKey cohort{TaskId{1}, DeadlineKey::Kind::kStep, RoundId{1}, CohortId{0}};
  deadlines.set(round, Time{20});
  deadlines.set(cohort, Time{10});
  EXPECT_EQ(deadlines.next(), Time{10});
  EXPECT_FALSE(deadlines.pop_due(Time{9}).has_value());
  EXPECT_EQ(deadlines.pop_due(Time{30}), cohort);
  EXPECT_EQ(deadlines.pop_due(Time{30}), round);
  EXPECT_FALSE(deadlines.pop_due(Time{30}).has_value());
}

TEST(Deadlines, ANewTimeReplacesTheOldOneAndClearForgets) {
  Deadlines deadlines;
  const DeadlineKey key{TaskId{1}};
  deadlines.set(key, Time{10});
  deadlines.set(key, Time{30});
  EXPECT_EQ(deadlines.next(), Time{30});
  deadlines.clear(key);
  deadlines.clear(key);
  EXPECT_EQ(deadlines.next(), kNever);
}

TEST(HeldCalls, ForgetsReleasedCalls) {
  HeldCalls held;
  const SessionToken session{};
  for (std::uint64_t i = 1; i <= 3; ++i)
    held.hold(CallId{i}, session, Time{static_cast<std::int64_t>(10 * i)});
  EXPECT_TRUE(held.release(CallId{1}).has_value());
  EXPECT_FALSE(held.release(CallId{1}).has_value());
  EXPECT_EQ(held.next(), Time{20});
  EXPECT_FALSE(held.pop_due(Time{19}).has_value());
  EXPECT_EQ(held.pop_due(Time{20})->first, CallId{2});
  EXPECT_TRUE(held.release(CallId{3}).has_value());
  EXPECT_EQ(held.next(), kNever);
}

TEST(VisitTable, KeepsAnEndedVisitForAWhile) {
  crypto::SeededRandom random(std::uint64_t{7});
  VisitTable table;
  Visit& visit = table.create(random, {.device_id = "d1"}, TaskId{1}, RoundId{1});
  const SessionToken token = visit.token;
  EXPECT_EQ(table.live_visit_of("d1"), &visit);
  table.end(visit, proto::SessionEnd{.counted = true, .outcome = "over", .window = {}}, Time{1000});
  EXPECT_EQ(table.live_visit_of("d1"), nullptr);
  table.forget_ended(Time{1000} + VisitTable::kEndedKept + std::chrono::milliseconds(-1));
  ASSERT_NE(table.find(token), nullptr);
  EXPECT_TRUE(std::get<proto::SessionEnd>(table.find(token)->end).counted);
  table.forget_ended(Time{1000} + VisitTable::kEndedKept);
  EXPECT_EQ(table.find(token), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(Pacing, StaysWithinItsBounds) {
  const CoordinatorOptions options{.retry_min_ms = 500, .retry_max_ms = 60'000};
  for (const std::int64_t expected : {-5'000LL, 0LL, 700LL, 50'000LL, 10'000'000LL}) {
    for (const std::uint64_t devices : {0ULL, 10ULL, 5'000ULL, 1'000'000ULL}) {
      const auto window = retry_window(options, {.expected_ms = expected, .devices = devices}, "");
      EXPECT_GE(window.delay_min_ms, 500u);
      EXPECT_LE(window.delay_max_ms, 60'000u);
      EXPECT_LE(window.delay_min_ms, window.delay_max_ms);
    }
  }
}

TEST(Pacing, LetsNoMoreThanAFewDevicesComeForEachPlaceOfARound) {
  const CoordinatorOptions options{.retry_min_ms = 500, .retry_max_ms = 600'000};
  const Crowd enough{.expected_ms = 1'000, .devices = 40, .places = 10, .round_ms = 2'000};
  EXPECT_LE(retry_window(options, enough, "").delay_max_ms, 1'100u) << "they come back together";
  const Crowd many{.expected_ms = 1'000, .devices = 4'000, .places = 10, .round_ms = 2'000};
  const auto window = retry_window(options, many, "");
  EXPECT_EQ(window.delay_min_ms, 1'000u);
  EXPECT_EQ(window.delay_max_ms, 201'000u) << "a hundred rounds of forty devices";
}

TEST(Pacing, IdleDevicesComeEveryFewSecondsUnlessTheyAreMany) {
  const CoordinatorOptions options{.retry_min_ms = 500, .retry_max_ms = 60'000};
  EXPECT_EQ(idle_window(options, 10, "").delay_min_ms, 2'000u);
  EXPECT_EQ(idle_window(options, 10, "").delay_max_ms, 4'000u);
  EXPECT_EQ(idle_window(options, 400, "").delay_max_ms, 20'000u) << "twenty a second";
  EXPECT_EQ(idle_window(options, 1'000'000, "").delay_max_ms, 60'000u);
  const CoordinatorOptions narrow{.retry_min_ms = 100, .retry_max_ms = 1'000};
  EXPECT_EQ(idle_window(narrow, 10, "").delay_max_ms, 1'000u);
}

TEST(Pacing, HerdsASmallFleetAndSpreadsALargeOne) {
  const CoordinatorOptions options{.retry_min_ms = 500, .retry_max_ms = 60'000};
  const auto small = retry_window(options, {.expected_ms = 2'000, .devices = 20}, "");
  EXPECT_EQ(small.delay_min_ms, 2'000u);
  EXPECT_LE(small.delay_max_ms - small.delay_min_ms, 50u);
  const auto large = retry_window(options, {.expected_ms = 2'000, .devices = 10'000}, "");
  EXPECT_GE(large.delay_max_ms - large.delay_min_ms, 20'000u);
  const auto late = retry_window(options, {.expected_ms = 59'999, .devices = 10'000}, "");
  EXPECT_GE(late.delay_max_ms - late.delay_min_ms, 20'000u)
      << "a crowd is spread even where the bound is near";
}

TEST(InitialModel, IsZeroForSoftmaxAndSeededForDense) {
  const proto::ModelSpec softmax{.architecture = proto::Architecture::kSoftmax, .features = 3, .classes = 2};
  EXPECT_EQ(initial_parameters(softmax, 9), std::vector<float>(8, 0.0f));
  const proto::ModelSpec dense{
      .architecture = proto::Architecture::kDense, .features = 24, .classes = 2, .hidden = {10}};
  const auto first = initial_parameters(dense, 9);
  EXPECT_EQ(first.size(), dense.parameter_count());
  EXPECT_EQ(first, initial_parameters(dense, 9));
  EXPECT_NE(first, initial_parameters(dense, 10));
  for (std::size_t i = 0; i < 240; ++i) EXPECT_LE(std::abs(first[i]), 0.5f);
  for (std::size_t i = 240; i < 250; ++i) EXPECT_EQ(first[i], 0.0f) << "bias";
  EXPECT_EQ(first[first.size() - 1], 0.0f);
}

TEST(RefusalCounts, SaysWhatWasRefused) {
  RefusalCounts counts;
  EXPECT_EQ(counts.total(), 0u);
  counts.add(Rejection::kWrongLength);
  counts.add(Rejection::kWrongLength);
  counts.add(Rejection::kDuplicate);
  EXPECT_EQ(counts.total(), 3u);
  EXPECT_EQ(counts.summary(), "1 duplicate, 2 wrong length");
}

}  // namespace
}  // namespace sotto::server
