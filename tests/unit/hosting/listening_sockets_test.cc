#include "sotto/hosting/listening_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "support/child_process.h"

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

int option_of(int descriptor, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, level, name, &value, &size) == 0 ? value : -1;
}

TEST(ListeningSockets, GiveTheirConnectionsWhatAServerNeeds) {
  const auto sockets = ListeningSockets::open("127.0.0.1:0");
  ASSERT_TRUE(sockets.has_value());
  const int listener = sockets->descriptors().front();
  EXPECT_EQ(option_of(listener, SOL_SOCKET, SO_REUSEADDR), 1) << "a restart waits for no old connection";
  EXPECT_TRUE(answers(AF_INET, sockets->port()));
  const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ASSERT_GE(connection, 0);
  EXPECT_NE(option_of(connection, IPPROTO_TCP, TCP_NODELAY), 0) << "small messages leave at once";
  EXPECT_EQ(option_of(connection, IPPROTO_TCP, TCP_USER_TIMEOUT), 20'000);
  ::close(connection);
}

TEST(ListeningSockets, AWildcardIsOneKindWhereTheSystemHasNoOther) {
  const auto listens = [](const std::string& address) {
    const auto sockets = ListeningSockets::open(address);
    return sockets.has_value() && answers(AF_INET, sockets->port());
  };
  EXPECT_TRUE(
      in_a_child([&] { return refuse_call(SYS_socket, AF_INET6, EAFNOSUPPORT) && listens("0.0.0.0:0"); }));
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

TEST(ListeningSockets, FreeTheirPortWhenOthersTakeTheirPlace) {
  auto sockets = ListeningSockets::open("127.0.0.1:0");
  auto others = ListeningSockets::open("127.0.0.1:0");
  ASSERT_TRUE(sockets.has_value() && others.has_value());
  const std::uint16_t port = sockets->port();
  const std::uint16_t other_port = others->port();
  *sockets = std::move(*others);
  EXPECT_FALSE(answers(AF_INET, port));
  EXPECT_TRUE(answers(AF_INET, other_port));
  EXPECT_EQ(sockets->port(), other_port);
}

}  // namespace
}  // namespace sotto::hosting
