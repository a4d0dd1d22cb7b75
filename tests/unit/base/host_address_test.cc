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

}  // namespace
}  // namespace sotto::host
