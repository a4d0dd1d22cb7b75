#include "sotto/secagg/parameters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace sotto::secagg {
namespace {

constexpr Adversary kCurious = Adversary::kCurious;
constexpr Adversary kSemiMalicious = Adversary::kSemiMalicious;

struct Row {
  Adversary adversary;
  std::uint32_t participants;
  float corrupt;
  float dropped;
  std::uint16_t neighbours;  // 0: nothing serves
  std::uint16_t threshold;
};

GraphRequest request_of(const Row& row) {
  return {.participants = row.participants,
          .adversary = row.adversary,
          .corrupt_fraction = row.corrupt,
          .dropout_fraction = row.dropped};
}

GraphParameters graph_of(std::uint32_t participants, std::uint32_t neighbours, std::uint32_t threshold) {
  return {.participants = static_cast<std::uint16_t>(participants),
          .neighbours = static_cast<std::uint16_t>(neighbours),
          .threshold = static_cast<std::uint16_t>(threshold)};
}

void expect_row(const Row& row) {
  const auto found = choose_graph(request_of(row));
  const std::string name = "n=" + std::to_string(row.participants) + " gamma=" + std::to_string(row.corrupt) +
                           " delta=" + std::to_string(row.dropped);
  ASSERT_EQ(found.has_value(), row.neighbours != 0) << name;
  if (!found) return;
  EXPECT_EQ(found->neighbours, row.neighbours) << name;
  EXPECT_EQ(found->threshold, row.threshold) << name;
  EXPECT_EQ(found->participants, row.participants) << name;
  EXPECT_TRUE(graph_withstands(*found, request_of(row))) << name;
}

// The table of PROTOCOL.md section 6.13, which an independent program works out from exact fractions.
TEST(ChooseGraph, GivesTheProtocolsFigures) {
  const Row rows[] = {
      {kSemiMalicious, 3, 0.1f, 0.1f, 0, 0},
      {kSemiMalicious, 4, 0.1f, 0.1f, 3, 3},
      {kSemiMalicious, 10, 0.1f, 0.1f, 9, 6},
      {kSemiMalicious, 64, 0.1f, 0.1f, 63, 36},
      {kSemiMalicious, 65, 0.1f, 0.1f, 22, 16},
      {kSemiMalicious, 100, 0.1f, 0.1f, 32, 22},
      {kSemiMalicious, 250, 0.1f, 0.1f, 68, 48},
      {kSemiMalicious, 257, 0.1f, 0.1f, 66, 47},
      {kSemiMalicious, 1000, 0.1f, 0.1f, 144, 107},
      {kSemiMalicious, 3000, 0.1f, 0.1f, 176, 131},
      {kSemiMalicious, 10'000, 0.1f, 0.1f, 196, 146},
      {kSemiMalicious, 1000, 0.05f, 0.05f, 78, 60},
      {kSemiMalicious, 250, 0.33f, 0.1f, 136, 111},
      {kSemiMalicious, 1000, 0.33f, 0.1f, 322, 262},
      {kSemiMalicious, 1000, 0.2f, 0.1f, 210, 164},
      {kSemiMalicious, 1000, 0.1f, 0.3f, 470, 286},
      {kSemiMalicious, 1000, 0.33f, 0.3f, 999, 666},
      {kSemiMalicious, 30, 0.33f, 0.3f, 0, 0},
      {kCurious, 3, 0.1f, 0.1f, 2, 2},
      {kCurious, 64, 0.1f, 0.1f, 63, 8},
      {kCurious, 100, 0.1f, 0.1f, 22, 11},
      {kCurious, 1000, 0.1f, 0.1f, 48, 27},
      {kCurious, 10'000, 0.1f, 0.1f, 54, 31},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(ChooseGraph, IsCompleteUpToSixtyFourParticipantsAndSparseAbove) {
  EXPECT_EQ(choose_graph({.participants = 64})->neighbours, 63);
  EXPECT_LT(choose_graph({.participants = 65})->neighbours, 64);
}

TEST(ChooseGraph, FallsBackToTheCompleteGraphWhereNoSparseOneWillDo) {
  const auto found = choose_graph({.participants = 100, .corrupt_fraction = 0.33f, .dropout_fraction = 0.3f});
  // 2 t >= 99 + 33 + 2.
  EXPECT_EQ(found, graph_of(100, 99, 67));
}

// Where everybody is everybody's neighbour nothing is drawn: so many corrupt devices are around each.
TEST(ChooseGraph, CountsTheCorruptAroundACompleteGraphByHead) {
  expect_row({kCurious, 4, 0.33f, 0.1f, 3, 3});
  expect_row({kCurious, 6, 0.1f, 0.5f, 5, 2});
}

TEST(ChooseGraph, FindsNothingWhereNothingWillDo) {
  EXPECT_EQ(choose_graph({.participants = 100, .corrupt_fraction = 0.4f, .dropout_fraction = 0.4f}),
            std::nullopt);
  EXPECT_EQ(choose_graph({.participants = 10, .corrupt_fraction = 0, .dropout_fraction = 0.99f}),
            std::nullopt);
}

TEST(ChooseGraph, RefusesSizesAndFractionsOutsideItsRange) {
  for (const std::uint32_t participants : {0u, 2u, 10'001u, 65'536u}) {
    EXPECT_EQ(choose_graph({.participants = participants}), std::nullopt) << participants;
    EXPECT_FALSE(graph_withstands(graph_of(participants, 2, 2), {.participants = participants}));
  }
  for (const float fraction : {-0.1f, 1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(choose_graph({.participants = 100, .corrupt_fraction = fraction}), std::nullopt) << fraction;
    EXPECT_EQ(choose_graph({.participants = 100, .dropout_fraction = fraction}), std::nullopt) << fraction;
  }
}

TEST(ChooseGraph, WithstandsAndIsTheLeastThatDoesAtEverySize) {
  for (const Adversary adversary : {kCurious, kSemiMalicious}) {
    for (std::uint32_t n = 4; n <= 1024; n += n < 80 ? 1 : 59) {
      const GraphRequest request{.participants = n, .adversary = adversary};
      const auto found = choose_graph(request);
      ASSERT_TRUE(found.has_value()) << n;
      EXPECT_TRUE(graph_withstands(*found, request)) << n;
      GraphParameters lower = *found;
      --lower.threshold;
      EXPECT_FALSE(graph_withstands(lower, request)) << n;
      EXPECT_TRUE(adversary == kCurious || 2 * found->threshold >= found->neighbours + 2) << n;
    }
  }
}

// Up to a few hundred devices nobody needs to count seeds: fewer corrupt devices exist than any attack takes.
TEST(ChooseGraph, LeavesNoPlacementToGrindForInCohortsOfTwoHundredAndFifty) {
  for (const std::uint32_t n : {65u, 100u, 200u, 250u}) {
    const auto found = choose_graph({.participants = n});
    ASSERT_TRUE(found.has_value());
    const std::uint32_t corrupt = corrupt_heads(0.1f, n);
    EXPECT_GT(2 * (found->threshold - found->neighbours / 2), static_cast<int>(corrupt)) << n;
    EXPECT_GT(2 * found->threshold - found->neighbours - 1, static_cast<int>(corrupt)) << n;
  }
}

TEST(ChooseGraph, LeavesAsManyHonestMembersInEverySumAsAskedFor) {
  const auto usual = choose_graph({.participants = 100});
  EXPECT_EQ(sum_floor(*usual), 12u);
  const auto more = choose_graph({.participants = 100, .honest_min = 20});
  ASSERT_TRUE(more.has_value());
  EXPECT_GE(sum_floor(*more), 20u);
  EXPECT_GT(more->neighbours, usual->neighbours);
  // The complete graph's floor is (99 - 10) / 2 + 1; with t = 56 it is 45.
  EXPECT_TRUE(choose_graph({.participants = 100, .honest_min = 45}).has_value());
  EXPECT_FALSE(choose_graph({.participants = 100, .honest_min = 46}).has_value());
  // A curious coordinator keeps to the protocol, so there is no such promise to keep.
  EXPECT_EQ(choose_graph({.participants = 100, .adversary = kCurious, .honest_min = 99}),
            choose_graph({.participants = 100, .adversary = kCurious}));
}

TEST(GraphWithstands, RefusesWhatWasBuiltForCoordinatorsThatDrawOnce) {
  // Enough against one random graph (2^-41), too little once seeds are drawn 2^80 times and the missing are
  // chosen.
  for (const GraphParameters old : {graph_of(1000, 100, 70), graph_of(10'000, 122, 85)}) {
    EXPECT_FALSE(graph_withstands(old, {.participants = old.participants}));
  }
  const GraphRequest third{.participants = 1000, .corrupt_fraction = 0.33f};
  EXPECT_FALSE(graph_withstands(graph_of(1000, 218, 171), third));
}

TEST(GraphWithstands, TakesMoreThanIsNeeded) {
  const GraphRequest request{.participants = 1000};
  EXPECT_TRUE(graph_withstands(graph_of(1000, 144, 107), request));
  EXPECT_TRUE(graph_withstands(graph_of(1000, 144, 144), request));
  EXPECT_TRUE(graph_withstands(graph_of(1000, 200, 150), request));
  EXPECT_TRUE(graph_withstands(graph_of(1000, 999, 551), request));
}

TEST(GraphWithstands, RefusesShapesThatAreNoGraphOfThisProtocol) {
  const GraphRequest request{.participants = 100};
  EXPECT_TRUE(graph_withstands(graph_of(100, 32, 22), request));
  EXPECT_FALSE(graph_withstands(graph_of(100, 33, 26), request)) << "odd";
  EXPECT_TRUE(graph_withstands(graph_of(100, 66, 50), request));
  EXPECT_FALSE(graph_withstands(graph_of(100, 68, 60), request)) << "above two thirds, not complete";
  EXPECT_FALSE(graph_withstands(graph_of(100, 100, 60), request)) << "more than there are";
  EXPECT_FALSE(graph_withstands(graph_of(100, 0, 0), request));
  EXPECT_FALSE(graph_withstands(graph_of(100, 32, 33), request)) << "t above k";
  EXPECT_FALSE(graph_withstands(graph_of(100, 32, 0), request));
  EXPECT_FALSE(graph_withstands(graph_of(100, 32, 22), {.participants = 101})) << "of another cohort";
  const GraphRequest safe{.participants = 10, .adversary = kCurious, .corrupt_fraction = 0};
  EXPECT_FALSE(graph_withstands(graph_of(10, 9, 1), safe)) << "one neighbour would hold the seed";
  EXPECT_TRUE(graph_withstands(graph_of(10, 9, 2), safe));
}

TEST(GraphWithstands, HoldsTheFloorOfASum) {
  GraphRequest request{.participants = 100, .honest_min = 12};
  EXPECT_TRUE(graph_withstands(graph_of(100, 32, 22), request));
  request.honest_min = 13;
  EXPECT_FALSE(graph_withstands(graph_of(100, 32, 22), request));
}

TEST(Heads, AreRoundedAgainstTheAttackerAndForTheOperator) {
  EXPECT_EQ(corrupt_heads(0.1f, 3), 1u);
  EXPECT_EQ(corrupt_heads(0.1f, 10), 1u);
  EXPECT_EQ(corrupt_heads(0.1f, 11), 2u);
  EXPECT_EQ(corrupt_heads(0, 10'000), 0u);
  EXPECT_EQ(dropped_heads(0.1f, 9), 0u);
  EXPECT_EQ(dropped_heads(0.1f, 10), 1u);
  EXPECT_EQ(dropped_heads(0.1f, 19), 1u);
  EXPECT_EQ(dropped_heads(0.35f, 1000), 350u);
  EXPECT_EQ(corrupt_heads(0.33f, 10'000), 3300u);
}

// binary32 rounds most decimals; both directions must not cost or give a head.
TEST(Heads, TakeFractionsAsTheDecimalsTheyStandFor) {
  for (std::uint32_t percent = 0; percent < 100; ++percent) {
    const float fraction = static_cast<float>(percent) / 100;
    EXPECT_EQ(corrupt_heads(fraction, 100), percent);
    EXPECT_EQ(dropped_heads(fraction, 100), percent);
    EXPECT_EQ(dropped_heads(std::nextafter(fraction, 0.0f), 100), percent);
    EXPECT_EQ(corrupt_heads(std::nextafter(fraction, 1.0f), 100), percent);
  }
  EXPECT_EQ(corrupt_heads(0x1p-18f, 10'000), 0u) << "below half a part nothing is counted";
  EXPECT_EQ(corrupt_heads(6e-6f, 10'000), 1u);
  EXPECT_EQ(corrupt_heads(4e-6f, 10'000), 0u);
  EXPECT_EQ(corrupt_heads(0x1.fffffep-1f, 10'000), 10'000u);
}

}  // namespace
}  // namespace sotto::secagg
