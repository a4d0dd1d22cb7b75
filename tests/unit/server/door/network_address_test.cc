#include "door/network_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sotto::server {
namespace {

using ::testing::HasSubstr;

std::string round_trip(std::string_view text) {
  const auto address = parse_network_address(text);
  return address ? to_string(*address) : "nothing";
}
std::string endpoint(std::string_view text) {
  const auto address = parse_endpoint(text);
  return address ? to_string(*address) : "nothing";
}
std::string peer(std::string_view text) {
  const auto address = parse_peer(text);
  return address ? to_string(*address) : "nothing";
}

TEST(NetworkAddress, ReadsBothKindsAndWritesEachInOneForm) {
  EXPECT_EQ(round_trip("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("2001:DB8:0::1"), "2001:db8::1");
  EXPECT_EQ(round_trip("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(round_trip("::"), "::");
}

TEST(NetworkAddress, RefusesWhatIsNone) {
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {""sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.1 "sv, "a.example"sv, "unknown"sv, ":::"sv, "1"sv,
        "192.0.2.1\0.evil"sv, "[::1]"sv, "%eth0"sv}) {
    EXPECT_EQ(round_trip(bad), "nothing") << bad;
  }
  EXPECT_EQ(round_trip(std::string(100'000, '1')), "nothing");
}

TEST(NetworkAddress, ReadsEndpointsWithAndWithoutAPort) {
  EXPECT_EQ(endpoint("192.0.2.1:7443"), "192.0.2.1");
  EXPECT_EQ(endpoint("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(endpoint("[2001:db8::1]:7443"), "2001:db8::1");
  EXPECT_EQ(endpoint("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(endpoint("2001:db8::1"), "2001:db8::1");
  for (const char* bad : {"192.0.2.1:", "192.0.2.1:x", "[2001:db8::1", "[2001:db8::1]7443",
                          "[2001:db8::1]:", "[]", "[", ":7443", "_hidden"}) {
    EXPECT_EQ(endpoint(bad), "nothing") << bad;
  }
}

TEST(NetworkAddress, ReadsGrpcsNamesOfConnections) {
  EXPECT_EQ(peer("ipv4:192.0.2.1:40000"), "192.0.2.1");
  EXPECT_EQ(peer("ipv6:%5B2001:db8::1%5D:40000"), "2001:db8::1");
  EXPECT_EQ(peer("ipv6:%5Bfe80::1%25eth0%5D:40000"), "fe80::1");
  EXPECT_EQ(peer("ipv6:[2001:db8::1]:40000"), "2001:db8::1");
  for (const char* other : {"", "unix:/run/admin.sock", "ipv4:", "ipv6:%5B", "192.0.2.1:40000"}) {
    EXPECT_EQ(peer(other), "nothing") << other;
  }
}

TEST(NetworkAddress, GroupsIpv6BySixtyFourBitsAndIpv4NotAtAll) {
  const auto group = [](const char* text) { return group_text(address_group(*parse_network_address(text))); };
  EXPECT_EQ(group("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(group("2001:db8:1:2:ffff::"), group("2001:db8:1:2::1"));
  EXPECT_NE(group("2001:db8:1:3::1"), group("2001:db8:1:2::1"));
}

TEST(NetworkPrefix, ContainsItsRangeToTheBit) {
  const auto contains = [](const char* prefix, const char* text) {
    return parse_network_prefix(prefix)->contains(*parse_network_address(text));
  };
  EXPECT_TRUE(contains("192.0.2.0/25", "192.0.2.127"));
  EXPECT_FALSE(contains("192.0.2.0/25", "192.0.2.128"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1")) << "all of IPv4 is not all of IPv6";
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::"));
}

TEST(NetworkPrefix, RefusesWhatIsNoneWithWhatItMustLookLike) {
  for (const char* bad : {"", "/8", "192.0.2.0/", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/-1",
                          "192.0.2.0/8x", "192.0.2.0/0000", "a.example", "fe80::1%eth0/64", "192.0.2.1:80"}) {
    const auto prefix = parse_network_prefix(bad);
    ASSERT_FALSE(prefix.has_value()) << bad;
    EXPECT_EQ(prefix.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(prefix.error().message(), HasSubstr("must be ADDRESS or ADDRESS/BITS")) << bad;
  }
  EXPECT_THAT(parse_network_prefix("192.0.2.1/24").status().message(),
              HasSubstr("192.0.2.0/24 or 192.0.2.1 alone?"));
}

}  // namespace
}  // namespace sotto::server
