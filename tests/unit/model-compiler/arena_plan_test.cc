#include "plan/arena_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sotto::model_compiler {
namespace {

bool are_apart(const ArenaPlan& plan, const PlanProblem& problem, std::uint32_t a, std::uint32_t b) {
  return plan.offsets[a] + problem.buffers[a].bytes <= plan.offsets[b] ||
         plan.offsets[b] + problem.buffers[b].bytes <= plan.offsets[a];
}

bool are_alive_together(const PlanProblem& problem, std::uint32_t a, std::uint32_t b) {
  return problem.buffers[a].first <= problem.buffers[b].last &&
         problem.buffers[b].first <= problem.buffers[a].last;
}

bool may_overlap(const ArenaPlan& plan, const PlanProblem& problem, std::uint32_t input,
                 std::uint32_t output) {
  const std::int64_t in = plan.offsets[input];
  const std::int64_t out = plan.offsets[output];
  for (const PlanOverlap& allowed : problem.overlaps) {
    if (allowed.input != input || allowed.output != output) continue;
    if (allowed.overlap.ascending && in - out >= *allowed.overlap.ascending) return true;
    const std::int64_t distance = out + problem.buffers[output].bytes - in - problem.buffers[input].bytes;
    if (allowed.overlap.descending && distance >= *allowed.overlap.descending) return true;
  }
  return false;
}

// Checks a plan pair by pair, without the planner's own arithmetic.
void expect_sound(const ArenaPlan& plan, const PlanProblem& problem) {
  ASSERT_EQ(plan.offsets.size(), problem.buffers.size());
  for (std::uint32_t a = 0; a < plan.offsets.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % device::kActivationAlignment, 0u);
    EXPECT_LE(plan.offsets[a] + problem.buffers[a].bytes, plan.bytes);
    for (std::uint32_t b = 0; b < a; ++b) {
      if (!are_alive_together(problem, a, b)) continue;
      EXPECT_TRUE(are_apart(plan, problem, a, b) || may_overlap(plan, problem, a, b) ||
                  may_overlap(plan, problem, b, a))
          << a << " and " << b;
    }
  }
  EXPECT_GE(plan.bytes, plan.lower_bound_bytes);
  EXPECT_GE(plan.max_live_bytes, plan.lower_bound_bytes);
}

TEST(ArenaPlan, BuffersThatNeverMeetShareMemory) {
  const PlanProblem problem{{{100, -1, 0}, {60, 0, 1}, {100, 1, 2}}, {}};
  const ArenaPlan plan = plan_arena(problem);
  expect_sound(plan, problem);
  EXPECT_EQ(plan.bytes, 160u);
  EXPECT_EQ(plan.lower_bound_bytes, 160u);
}

TEST(ArenaPlan, OutputsLieOverInputsInEitherDirectionByTurns) {
  // Four layers of one size whose output must stay 16 bytes ahead of the input:
  // all in one place and 16 bytes.
  const Overlap overlap{16, 16};
  const PlanProblem problem{{{1000, -1, 0}, {1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}},
                            {{0, 1, overlap}, {1, 2, overlap}, {2, 3, overlap}, {3, 4, overlap}}};
  const ArenaPlan plan = plan_arena(problem);
  expect_sound(plan, problem);
  EXPECT_EQ(plan.bytes, 1016u);
  EXPECT_EQ(plan.max_live_bytes, 2000u);
}

TEST(ArenaPlan, WhereOneDirectionIsAllowedTheInputLiesBeyondTheOutput) {
  const PlanProblem problem{{{100, -1, 0}, {100, 0, 1}}, {{0, 1, Overlap{20, std::nullopt}}}};
  const ArenaPlan plan = plan_arena(problem);
  expect_sound(plan, problem);
  EXPECT_EQ(plan.bytes, 120u);
  EXPECT_FALSE(is_descending(problem.overlaps[0].overlap, problem.buffers[0], plan.offsets[0],
                             problem.buffers[1], plan.offsets[1]));
}

TEST(ArenaPlan, HolesThatGreedyOrdersLeaveAreFoundBySearch) {
  // Equal sizes with staggered lives: largest first leaves a hole.
  const PlanProblem problem{
      {{36, -1, 0}, {72, 0, 1}, {36, 1, 2}, {72, 2, 3}, {144, 3, 4}, {36, 4, 5}, {36, 0, 4}}, {}};
  const ArenaPlan plan = plan_arena(problem);
  expect_sound(plan, problem);
  EXPECT_EQ(plan.bytes, plan.max_live_bytes);
}

TEST(ArenaPlan, RandomProblemsAreSolvedSoundly) {
  std::mt19937 random(7);
  const auto below = [&random](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
  for (int round = 0; round < 200; ++round) {
    PlanProblem problem;
    const std::uint32_t count = 1 + below(12);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto first = static_cast<std::int32_t>(below(8)) - 1;
      problem.buffers.push_back({below(200), first, first + static_cast<std::int32_t>(below(4))});
    }
    for (std::uint32_t in = 0; in < count; ++in) {
      for (std::uint32_t out = 0; out < count; ++out) {
        if (in == out || problem.buffers[in].last != problem.buffers[out].first || below(2) == 0) continue;
        Overlap overlap;
        if (below(2) == 0) overlap.ascending = static_cast<std::int64_t>(below(80)) - 20;
        if (below(2) == 0) overlap.descending = static_cast<std::int64_t>(below(80)) - 20;
        problem.overlaps.push_back({in, out, overlap});
      }
    }
    expect_sound(plan_arena(problem), problem);
  }
}

TEST(ArenaPlan, OfNothingIsEmpty) { EXPECT_EQ(plan_arena({}).bytes, 0u); }

}  // namespace
}  // namespace sotto::model_compiler
