#include "door/caller_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sotto::server {
namespace {

using ::testing::HasSubstr;

CallerAddresses behind_proxies() {
  return *CallerAddresses::parse({"10.0.0.0/8", "2001:db8:aaaa::1"}, {"198.51.100.0/24"});
}
std::string group(const CallerAddresses& addresses, std::string_view peer,
                  const std::vector<std::string_view>& forwarded) {
  return group_text(addresses.caller(peer, forwarded).group);
}
constexpr const char* kProxy = "ipv4:10.1.2.3:5000";

TEST(CallerAddress, IsTheConnectionsWhateverAStrangersHeaderSays) {
  EXPECT_EQ(group(behind_proxies(), "ipv4:192.0.2.1:5000", {"203.0.113.9"}), "192.0.2.1");
  EXPECT_EQ(group(CallerAddresses(), kProxy, {"203.0.113.9"}), "10.1.2.3");
  EXPECT_FALSE(behind_proxies().caller("ipv4:192.0.2.1:5000", {}).shared_connection);
}

TEST(CallerAddress, IsTheLastThatATrustedProxyNames) {
  const CallerAddresses addresses = behind_proxies();
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(group(addresses, "ipv6:%5B2001:db8:aaaa::1%5D:1", {"2001:db8:1:2::3"}), "2001:db8:1:2::/64");
  // What stands before it, the caller may have written itself.
  EXPECT_EQ(group(addresses, kProxy, {"192.0.2.66, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(group(addresses, kProxy, {"192.0.2.66", "203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(group(addresses, kProxy, {" 192.0.2.66 ,\t203.0.113.9:1234 "}), "203.0.113.9");
  // Proxies behind one another.
  EXPECT_EQ(group(addresses, kProxy, {"192.0.2.66, 203.0.113.9, 10.9.9.9,10.8.8.8"}), "203.0.113.9");
  EXPECT_TRUE(addresses.caller(kProxy, {}).shared_connection);
}

TEST(CallerAddress, IsTheProxyThatShouldHaveNamedOne) {
  const CallerAddresses addresses = behind_proxies();
  EXPECT_EQ(group(addresses, kProxy, {}), "10.1.2.3");
  EXPECT_EQ(group(addresses, kProxy, {""}), "10.1.2.3");
  EXPECT_EQ(group(addresses, kProxy, {"unknown"}), "10.1.2.3");
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9, unknown"}), "10.1.2.3");
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9,"}), "10.1.2.3");
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9, _x, 10.7.7.7"}), "10.7.7.7");
  EXPECT_EQ(group(addresses, kProxy, {"10.5.5.5, 10.6.6.6"}), "10.5.5.5");
  EXPECT_FALSE(addresses.caller(kProxy, {}).gateway);
}

TEST(CallerAddress, ReadsALongListOnlySoFar) {
  std::string list = "203.0.113.9";
  for (int i = 0; i < 1000; ++i) list += ", 10.1.1.1";
  EXPECT_EQ(group(behind_proxies(), kProxy, {list}), "10.1.1.1");
  EXPECT_EQ(group(behind_proxies(), kProxy, {std::string(1 << 20, 'x')}), "10.1.2.3");
  EXPECT_EQ(group(behind_proxies(), kProxy, {std::string(1 << 20, ',')}), "10.1.2.3");
}

TEST(CallerAddress, KnowsGatewaysDirectlyAndBehindAProxy) {
  const CallerAddresses addresses = behind_proxies();
  EXPECT_TRUE(addresses.caller("ipv4:198.51.100.7:1", {}).gateway);
  EXPECT_TRUE(addresses.caller(kProxy, std::vector<std::string_view>{"198.51.100.7"}).gateway);
  EXPECT_FALSE(addresses.caller("ipv4:198.51.101.7:1", {}).gateway);
  EXPECT_FALSE(addresses.caller("ipv4:192.0.2.1:1", std::vector<std::string_view>{"198.51.100.7"}).gateway);
}

TEST(CallerAddress, OfAPeerWithoutOneIsTheUnspecified) {
  EXPECT_EQ(group(behind_proxies(), "unix:/run/x", {"203.0.113.9"}), "::/64");
}

TEST(CallerAddress, RefusesARangeThatIsNoneByTheOptionsName) {
  const auto bad_proxy = CallerAddresses::parse({"proxy.example"}, {});
  EXPECT_EQ(bad_proxy.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(bad_proxy.status().message(), HasSubstr("trusted-proxy: \"proxy.example\""));
  EXPECT_THAT(CallerAddresses::parse({}, {"10.0.0.0/8", "10.0.0.1/8"}).status().message(),
              HasSubstr("gateway: \"10.0.0.1/8\""));
}

TEST(CallerAddresses, GoesByTheListsThatItTookOverLast) {
  CallerAddresses addresses;
  const NetworkAddress gateway = *parse_endpoint("198.51.100.7");
  EXPECT_FALSE(addresses.caller(gateway).gateway);
  addresses.take_over(behind_proxies());
  EXPECT_TRUE(addresses.caller(gateway).gateway);
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9"}), "203.0.113.9");
  addresses.take_over(CallerAddresses());
  EXPECT_FALSE(addresses.caller(gateway).gateway);
  EXPECT_EQ(group(addresses, kProxy, {"203.0.113.9"}), "10.1.2.3");
}

}  // namespace
}  // namespace sotto::server
