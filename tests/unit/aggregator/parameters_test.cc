#include "sotto/aggregator/parameters.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "hypergeometric.h"
#include "sotto/proto/messages.h"

namespace sotto::aggregator {
namespace {

using proto::Adversary;
using ::testing::HasSubstr;

constexpr Adversary kCurious = Adversary::kCurious;
constexpr Adversary kSemiMalicious = Adversary::kSemiMalicious;

struct Row {
  Adversary adversary;
  std::uint32_t participants;
  double corrupt;
  double dropped;
  std::uint16_t neighbours;  // 0: no sparse graph
  std::uint16_t threshold;
};

void expect_row(const Row& row) {
  const auto found = search_harary_parameters({.participants = row.participants,
                                               .adversary = row.adversary,
                                               .corrupt_fraction = row.corrupt,
                                               .dropout_fraction = row.dropped});
  const std::string name = std::string(proto::to_string(row.adversary)) +
                           " n=" + std::to_string(row.participants) +
                           " gamma=" + std::to_string(row.corrupt) + " delta=" + std::to_string(row.dropped);
  if (row.neighbours == 0) {
    EXPECT_FALSE(found.has_value()) << name;
    return;
  }
  ASSERT_TRUE(found.has_value()) << name << ": " << found.error().message();
  EXPECT_EQ(found->participants, row.participants) << name;
  EXPECT_EQ(found->neighbours, row.neighbours) << name;
  EXPECT_EQ(found->threshold, row.threshold) << name;
}

TEST(HararySearch, GivesThePublishedFigures) {
  const Row rows[] = {
      {kCurious, 100, 0.05, 0.05, 12, 6},
      {kCurious, 100, 0.10, 0.30, 34, 11},
      {kCurious, 100, 0.33, 0.30, 64, 34},
      {kCurious, 300, 0.20, 0.20, 74, 41},
      {kCurious, 1000, 0.05, 0.05, 30, 17},
      {kCurious, 1000, 0.10, 0.10, 48, 27},
      {kCurious, 1000, 0.33, 0.30, 250, 136},
      {kCurious, 10000, 0.05, 0.05, 34, 20},
      {kCurious, 10000, 0.33, 0.30, 356, 193},
      {kSemiMalicious, 100, 0.05, 0.05, 16, 11},
      {kSemiMalicious, 100, 0.10, 0.10, 32, 22},
      {kSemiMalicious, 100, 0.33, 0.20, 74, 54},
      {kSemiMalicious, 100, 0.33, 0.30, 0, 0},
      {kSemiMalicious, 300, 0.10, 0.10, 66, 46},
      {kSemiMalicious, 1000, 0.10, 0.05, 66, 49},
      {kSemiMalicious, 1000, 0.20, 0.30, 642, 409},
      {kSemiMalicious, 3000, 0.33, 0.20, 808, 585},
      {kSemiMalicious, 10000, 0.05, 0.05, 62, 44},
      {kSemiMalicious, 10000, 0.20, 0.30, 1790, 1140},
      {kSemiMalicious, 10000, 0.33, 0.30, 0, 0},
  };
  for (const Row& row : rows) expect_row(row);
}

TEST(HararySearch, GivesEveryFigureOfTheReferenceTable) {
  const char* chosen = std::getenv("SOTTO_REFERENCE_DIR");
  if (chosen == nullptr) GTEST_SKIP() << "SOTTO_REFERENCE_DIR names no folder with secagg-parameters.txt";
  const std::filesystem::path table = std::filesystem::path(chosen) / "secagg-parameters.txt";
  if (!std::filesystem::exists(table)) GTEST_SKIP() << table << " is absent";
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the column names
  int rows = 0;
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string adversary, neighbours;
    Row row{};
    if (!(columns >> adversary >> row.participants >> row.corrupt >> row.dropped >> neighbours)) continue;
    row.adversary = adversary == "curious" ? kCurious : kSemiMalicious;
    if (neighbours != "none") {
      row.neighbours = static_cast<std::uint16_t>(std::stoi(neighbours));
      columns >> row.threshold;
    }
    expect_row(row);
    ++rows;
  }
  EXPECT_GE(rows, 100);
}

TEST(HararySearch, TreatsFloatFractionsAsTheDecimalsTheyStandFor) {
  for (const float fraction : {0.05f, 0.1f, 0.15f, 0.2f, 0.25f, 0.3f, 0.35f}) {
    const double decimal = std::round(static_cast<double>(fraction) * 100) / 100;
    const auto with_float = search_harary_parameters({.participants = 1000,
                                                      .adversary = kCurious,
                                                      .corrupt_fraction = fraction,
                                                      .dropout_fraction = fraction});
    const auto with_decimal = search_harary_parameters({.participants = 1000,
                                                        .adversary = kCurious,
                                                        .corrupt_fraction = decimal,
                                                        .dropout_fraction = decimal});
    ASSERT_TRUE(with_float.has_value() && with_decimal.has_value()) << fraction;
    EXPECT_EQ(*with_float, *with_decimal) << fraction;
  }
}

TEST(HararySearch, RefusesSizesAndFractionsOutsideItsRange) {
  const GraphRequest good{.participants = 100};
  for (const std::uint32_t participants : {0u, 2u, 65'536u}) {
    GraphRequest request = good;
    request.participants = participants;
    const auto found = search_harary_parameters(request);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(found.error().message(), HasSubstr("participants = " + std::to_string(participants)));
  }
  for (const double fraction : {-0.1, 1.0, std::nan("")}) {
    GraphRequest request = good;
    request.corrupt_fraction = fraction;
    EXPECT_FALSE(search_harary_parameters(request).has_value()) << fraction;
    request = good;
    request.dropout_fraction = fraction;
    EXPECT_FALSE(search_harary_parameters(request).has_value()) << fraction;
  }
}

TEST(ChooseGraph, IsCompleteUpToSixtyFourParticipants) {
  const auto smallest = choose_graph({.participants = 3});
  ASSERT_TRUE(smallest.has_value());
  EXPECT_EQ(*smallest, (secagg::GraphParameters{.participants = 3, .neighbours = 2, .threshold = 2}));
  // 64: 6 corrupt, 6 dropped. Curious: t = 7. Semi-malicious: 2 t > 63 + 6, t = 35 <= 57 that remain.
  const auto curious = choose_graph({.participants = 64, .adversary = kCurious});
  ASSERT_TRUE(curious.has_value());
  EXPECT_EQ(*curious, (secagg::GraphParameters{.participants = 64, .neighbours = 63, .threshold = 7}));
  const auto semi_malicious = choose_graph({.participants = 64});
  ASSERT_TRUE(semi_malicious.has_value());
  EXPECT_EQ(*semi_malicious,
            (secagg::GraphParameters{.participants = 64, .neighbours = 63, .threshold = 35}));
}

TEST(ChooseGraph, IsSparseAbove) {
  const auto sparse = choose_graph({.participants = 100});
  ASSERT_TRUE(sparse.has_value());
  EXPECT_EQ(*sparse, (secagg::GraphParameters{.participants = 100, .neighbours = 32, .threshold = 22}));
}

TEST(ChooseGraph, FallsBackToTheCompleteGraphWhereNoSparseOneWillDo) {
  const auto found = choose_graph({.participants = 100, .corrupt_fraction = 0.33, .dropout_fraction = 0.3});
  ASSERT_TRUE(found.has_value());
  // 2 t > 99 + 33.
  EXPECT_EQ(*found, (secagg::GraphParameters{.participants = 100, .neighbours = 99, .threshold = 67}));
}

TEST(ChooseGraph, SaysWhenNothingWillDo) {
  const auto found = choose_graph({.participants = 100, .corrupt_fraction = 0.4, .dropout_fraction = 0.4});
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(found.error().message(),
              HasSubstr("100 participants, of whom 40 may be corrupt and 40 drop out"));
  EXPECT_FALSE(choose_graph({.participants = 10'001}).has_value());
}

TEST(ChooseGraph, KeepsTheRulesDevicesCheckForEverySize) {
  for (const Adversary adversary : {kCurious, kSemiMalicious}) {
    for (std::uint32_t n = 3; n <= 1024; n += n < 80 ? 1 : 59) {
      const auto found = choose_graph({.participants = n, .adversary = adversary});
      ASSERT_TRUE(found.has_value()) << n << ": " << found.error().message();
      const std::uint32_t k = found->neighbours;
      const std::uint32_t t = found->threshold;
      EXPECT_TRUE(k == n - 1 || (k % 2 == 0 && k >= 2 && k < n - 1)) << n;
      EXPECT_TRUE(t >= 2 && t <= k) << n;
      EXPECT_TRUE(adversary == kCurious || 2 * t > k) << n;
    }
  }
}

TEST(Hypergeometric, HasExactQuantilesWhereTheyCanBeCountedByHand) {
  // 5 drawn of 10, 4 marked: Pr[X = 0..4] = 6, 60, 120, 60, 6 of 252.
  const Hypergeometric distribution(10, 4, 5);
  EXPECT_EQ(distribution.upper_quantile(5.9 / 252), 4u);
  EXPECT_EQ(distribution.upper_quantile(6.1 / 252), 3u);
  EXPECT_EQ(distribution.upper_quantile(66.1 / 252), 2u);
  EXPECT_EQ(distribution.lower_quantile(5.9 / 252), 0u);
  EXPECT_EQ(distribution.lower_quantile(6.1 / 252), 1u);
  EXPECT_EQ(distribution.lower_quantile(66.1 / 252), 2u);
}

TEST(Hypergeometric, IsCertainAtItsEnds) {
  const Hypergeometric all(50, 50, 20);
  EXPECT_EQ(all.upper_quantile(1e-12), 20u);
  EXPECT_EQ(all.lower_quantile(1e-12), 20u);
  const Hypergeometric none(50, 0, 20);
  EXPECT_EQ(none.upper_quantile(1e-12), 0u);
  EXPECT_EQ(none.lower_quantile(1e-12), 0u);
  const Hypergeometric forced(50, 40, 30);  // at least 20 of the sample are marked
  EXPECT_GE(forced.lower_quantile(1e-300), 20u);
}

TEST(LogFactorial, AgreesWithTheSumOfLogarithms) {
  double sum = 0;
  for (std::uint32_t i = 1; i <= 2000; ++i) {
    sum += std::log(i);
    EXPECT_NEAR(log_factorial(i), sum, 1e-12 * std::max(1.0, sum)) << i;
  }
  EXPECT_EQ(log_factorial(0), 0);
}

}  // namespace
}  // namespace sotto::aggregator
