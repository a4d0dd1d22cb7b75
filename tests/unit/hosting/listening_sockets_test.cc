#include "sotto/hosting/listening_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sotto::hosting {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

bool answers(int family, std::uint16_t port) {
  const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage name{};
  name.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(name).sin6_addr = in6addr_loopback;
    reinterpret_cast<sockaddr_in6&>(name).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(name).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reinterpret_cast<sockaddr_in&>(name).sin_port = htons(port);
  }
  const bool connected = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  ::close(descriptor);
  return connected;
}
bool has_ipv6() {
  const int descriptor = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  const bool bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  ::close(descriptor);
  return bound;
}

TEST(ListeningSockets, ListenWithoutBlockingAndWithoutHeirs) {
  const auto sockets = ListeningSockets::open("127.0.0.1:0");
  ASSERT_TRUE(sockets.has_value()) << sockets.status().message();
  ASSERT_EQ(sockets->descriptors().size(), 1u);
  EXPECT_NE(sockets->port(), 0);
  EXPECT_TRUE(answers(AF_INET, sockets->port()));
  const int descriptor = sockets->descriptors().front();
  EXPECT_NE(::fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ListeningSockets, AWildcardIsBothKinds) {
  for (const char* address : {"0.0.0.0:0", "[::]:0"}) {
    const auto sockets = ListeningSockets::open(address);
    ASSERT_TRUE(sockets.has_value()) << sockets.status().message();
    EXPECT_TRUE(answers(AF_INET, sockets->port())) << address;
    EXPECT_EQ(answers(AF_INET6, sockets->port()), has_ipv6()) << address;
  }
}

TEST(ListeningSockets, ANameIsAllItsAddressesOnOnePort) {
  const auto sockets = ListeningSockets::open("localhost:0");
  ASSERT_TRUE(sockets.has_value()) << sockets.status().message();
  EXPECT_TRUE(answers(AF_INET, sockets->port()));
}

TEST(ListeningSockets, SayWhyTheyCannot) {
  const auto sockets = ListeningSockets::open("127.0.0.1:0");
  ASSERT_TRUE(sockets.has_value());
  const std::string taken = "127.0.0.1:" + std::to_string(sockets->port());
  EXPECT_EQ(ListeningSockets::open(taken).status().code(), StatusCode::kIo);
  EXPECT_THAT(ListeningSockets::open(taken).status().message(), AllOf(HasSubstr(taken), HasSubstr("in use")));
  EXPECT_THAT(ListeningSockets::open("192.0.2.1:0").status().message(),
              HasSubstr("this machine does not have that address"));
  EXPECT_EQ(ListeningSockets::open("127.0.0.1").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ListeningSockets::open("no-such-host.invalid:0").status().code(), StatusCode::kIo);
}

TEST(ListeningSockets, FreeTheirPortWhenClosed) {
  auto sockets = ListeningSockets::open("127.0.0.1:0");
  ASSERT_TRUE(sockets.has_value());
  ListeningSockets moved = std::move(*sockets);
  const std::uint16_t port = moved.port();
  EXPECT_TRUE(answers(AF_INET, port));
  moved.close();
  moved.close();
  EXPECT_FALSE(answers(AF_INET, port));
  EXPECT_TRUE(ListeningSockets::open("127.0.0.1:" + std::to_string(port)).has_value());
}

}  // namespace
}  // namespace sotto::hosting
