#include "door/turned_away.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sotto::server {
namespace {

using ::testing::HasSubstr;

NetworkAddress address(const std::string& text) { return parse_network_address(text).value(); }

TEST(FrequentAddresses, FindsWhoComesMostAmongMany) {
  FrequentAddresses addresses;
  EXPECT_EQ(addresses.first().count, 0u);
  for (int i = 0; i < 10'000; ++i) {
    addresses.add(address(i % 2 == 0
                              ? "198.51.100.7"
                              : "10.0." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256)));
  }
  EXPECT_EQ(addresses.first().group, address("198.51.100.7"));
  EXPECT_LE(addresses.first().count, 5000u);
  EXPECT_GE(addresses.first().count, 5000u - 10'000 / (FrequentAddresses::kKept + 1));
}

TEST(FrequentAddresses, CountsAFewExactly) {
  FrequentAddresses addresses;
  for (std::size_t i = 0; i < FrequentAddresses::kKept; ++i) {
    addresses.add(address("10.0.0." + std::to_string(i)));
  }
  addresses.add(address("10.0.0.3"));
  EXPECT_EQ(addresses.first().group, address("10.0.0.3"));
  EXPECT_EQ(addresses.first().count, 2u);
}

TEST(TurnedAway, HasWordsForEveryReasonAndOneLineForEach) {
  TurnedAway away(60'000);
  for (std::size_t i = 0; i < kAwayReasons; ++i) {
    away.count(static_cast<AwayReason>(i), address("192.0.2.1"), Time{0});
  }
  const auto lines = away.report(Time{TurnedAway::kFirstLineMs});
  ASSERT_EQ(lines.size(), kAwayReasons);
  for (const hosting::Notice& line : lines) {
    EXPECT_EQ(line.level, hosting::Notice::Level::kWarning);
    EXPECT_THAT(line.text, HasSubstr("turned away 1 "));
    EXPECT_THAT(line.text, HasSubstr("192.0.2.1: "));
  }
}

TEST(TurnedAway, SaysHowManySinceTheLastLine) {
  TurnedAway away(60'000);
  for (int i = 0; i < 1234; ++i) away.count(AwayReason::kStrangers, address("2001:db8::"), Time{5000});
  ASSERT_EQ(away.report(Time{6000}).size(), 1u);
  for (int i = 0; i < 7; ++i) away.count(AwayReason::kStrangers, address("2001:db8::"), Time{8000});
  EXPECT_TRUE(away.report(Time{65'999}).empty());
  const auto lines = away.report(Time{66'000});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0].text,
              HasSubstr("turned away 7 calls that show no session in 58 s, 7 of them from 2001:db8::/64"));
  EXPECT_TRUE(away.report(Time{1'000'000}).empty()) << "nothing happened";
}

}  // namespace
}  // namespace sotto::server
