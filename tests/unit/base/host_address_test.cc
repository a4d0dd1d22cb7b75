#include "sotto/host/address.h"

#include <gtest/gtest.h>

namespace sotto::host {
namespace {

TEST(HostPort, IsReadInItsThreeForms) {
  EXPECT_EQ(parse_host_port("coordinator.example:7443"), (HostPort{"coordinator.example", 7443}));
  EXPECT_EQ(parse_host_port("192.0.2.1:0"), (HostPort{"192.0.2.1", 0}));
  EXPECT_EQ(parse_host_port("[2001:db8::1]:65535"), (HostPort{"2001:db8::1", 65'535}));
}

TEST(HostPort, IsWrittenAsItIsRead) {
  for (const char* text : {"a:1", "192.0.2.1:7443", "[::1]:65535"}) {
    EXPECT_EQ(to_string(*parse_host_port(text)), text);
  }
}

TEST(HostPort, RefusesWhatIsNone) {
  for (const char* text : {"", ":", ":1", "host", "host:", "host:65536", "host:000001", "host:-1", "host:+1",
                           "host:7 ", "::1:7443", "[]:1", "[::1:1", "http://host:1", "a]:1", "[a/b]:1"}) {
    EXPECT_FALSE(parse_host_port(text).has_value()) << text;
  }
}

TEST(HostPort, SaysWhereAnIpv6AddressHasItsBrackets) {
  for (const auto& [text, advised] : {std::pair{"::1:7443", "[::1]:7443"},
                                      {"2001:db8::1:80", "[2001:db8::1]:80"},
                                      {"::1", "[::1]:7443"},
                                      {"fe80::1:2:3:4:99999", "HOST:PORT"}}) {
    EXPECT_NE(describe_bad_host_port(text).find(advised), std::string::npos) << describe_bad_host_port(text);
  }
  EXPECT_NE(describe_bad_host_port("nonsense").find("must be HOST:PORT"), std::string::npos);
}

}  // namespace
}  // namespace sotto::host
