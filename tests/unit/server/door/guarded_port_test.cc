// Real sockets on loopback, without gRPC.
#include "door/guarded_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace sotto::server {
namespace {

constexpr std::chrono::seconds kPatience{20};

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  [[nodiscard]] int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

// The system's, which a test can move ahead.
class ClockAhead final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return Time{clock_.now().ms + ahead_ms}; }
  std::atomic<std::int64_t> ahead_ms{0};

 private:
  SystemClock clock_;
};

class GuardedPortTest : public ::testing::Test {
 protected:
  // What happens `before` finds a port that listens and accepts nobody yet.
  void start(
      const ConnectionLimits& limits, const std::function<void()>& before = [] {}) {
    auto sockets = hosting::ListeningSockets::open("127.0.0.1:0");
    ASSERT_TRUE(sockets.has_value()) << sockets.status().message();
    port.emplace(std::move(*sockets), GuardedPortParts{addresses, door, clock},
                 GuardedPortOptions{.limits = limits, .notice = [this](const hosting::Notice& notice) {
                                      const std::lock_guard lock(mutex);
                                      lines.push_back(notice.text);
                                      changed.notify_all();
                                    }});
    before();
    const Status started = port->start([this](int, int descriptor) {
      const std::lock_guard lock(mutex);
      taken.emplace_back(descriptor);
      changed.notify_all();
    });
    ASSERT_TRUE(started.ok()) << started.message();
  }
  // From an address of this machine; -1 when it is refused.
  Descriptor connect(const char* from = "127.0.0.1") const {
    Descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_GE(made.get(), 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    inet_pton(AF_INET, from, &name.sin_addr);
    EXPECT_EQ(::bind(made.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    name.sin_port = htons(port->port());
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) made.close();
    return made;
  }
  // Whether the other side has closed it, within kPatience.
  static bool closed(const Descriptor& connection) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 0;
    const ssize_t got = ::recv(connection.get(), &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }
  bool wait(const std::function<bool()>& happened) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, happened);
  }
  bool wait_taken(std::size_t count) {
    return wait([&] { return taken.size() >= count; });
  }
  bool wait_line(const std::string& words) {
    return wait([&] {
      return std::ranges::any_of(lines,
                                 [&](const auto& line) { return line.find(words) != std::string::npos; });
    });
  }

  CallerAddresses addresses = *CallerAddresses::parse({}, {"127.0.0.9"});
  Doorkeeper door{DoorLimits{}, {}};
  ClockAhead clock;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Descriptor> taken;
  std::vector<std::string> lines;
  std::optional<GuardedPort> port;
};

TEST_F(GuardedPortTest, HandsConnectionsOver) {
  start({});
  const Descriptor one = connect();
  ASSERT_TRUE(wait_taken(1));
  ASSERT_EQ(::send(one.get(), "x", 1, 0), 1);
  char byte = 0;
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  const int flags = ::fcntl(taken[0].get(), F_GETFL);
  EXPECT_NE(flags & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(taken[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ::fcntl(taken[0].get(), F_SETFL, flags & ~O_NONBLOCK);
  ::setsockopt(taken[0].get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::recv(taken[0].get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(GuardedPortTest, LetsACrowdInThatHasWaited) {
  constexpr std::size_t kCrowd = 150;  // more than are accepted at a time
  std::vector<Descriptor> crowd;
  start({.of_address_max = kCrowd}, [&] {
    for (std::size_t i = 0; i < kCrowd; ++i) crowd.push_back(connect());
  });
  EXPECT_TRUE(wait_taken(kCrowd));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(lines.empty()) << lines.front();
}

TEST_F(GuardedPortTest, ClosesThoseAboveAnAddressesNumberAndSaysSo) {
  start({.of_address_max = 3});
  std::vector<Descriptor> held;
  for (int i = 0; i < 3; ++i) held.push_back(connect("127.0.0.2"));
  ASSERT_TRUE(wait_taken(3));
  EXPECT_TRUE(closed(connect("127.0.0.2")));
  const Descriptor other = connect("127.0.0.1");
  EXPECT_TRUE(wait_taken(4)) << "another address";
  for (int i = 0; i < 5; ++i) held.push_back(connect("127.0.0.9"));
  EXPECT_TRUE(wait_taken(9)) << "a gateway";
  EXPECT_TRUE(wait_line("turned away 1 connections in 1 s, 1 of them from 127.0.0.2"));
}

TEST_F(GuardedPortTest, GoesOnWhenConnectionsAreClosed) {
  start({.of_address_max = 2});
  for (std::size_t round = 1; round <= 3; ++round) {
    const Descriptor one = connect();
    const Descriptor two = connect();
    ASSERT_TRUE(wait_taken(2)) << round;
    const std::lock_guard lock(mutex);
    taken.clear();
    clock.ahead_ms += ConnectionTable::kLookMs;
  }
}

TEST_F(GuardedPortTest, TellsOfManyConnectionsOnceAndWhenTheyAreFewer) {
  start({.all_max = 10});
  std::vector<Descriptor> held;
  for (int i = 0; i < 9; ++i) held.push_back(connect());
  ASSERT_TRUE(wait_taken(9));
  EXPECT_TRUE(wait_line("9 connections are open, of 10 that the limit on open files leaves room for"));
  {
    const std::lock_guard lock(mutex);
    taken.clear();
  }
  EXPECT_TRUE(wait_line("0 connections are open again"));
  EXPECT_EQ(lines.size(), 2u);
}

TEST_F(GuardedPortTest, RefusesConnectionsOnceItHasStopped) {
  start({});
  const std::uint16_t number = port->port();
  port->stop();
  port->stop();
  EXPECT_EQ(connect().get(), -1);
  EXPECT_TRUE(hosting::ListeningSockets::open("127.0.0.1:" + std::to_string(number)).has_value());
}

// What gRPC 1.51 does not survive: no descriptor left when somebody connects.
TEST_F(GuardedPortTest, AcceptsAgainAfterTheProcessHadNoDescriptorLeft) {
  start({});
  const Descriptor before = connect();
  ASSERT_TRUE(wait_taken(1));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  Descriptor waits(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port->port());
  const int connected = ::connect(waits.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const bool told = wait_line("cannot accept connections: Too many open files");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(connected, 0);
  EXPECT_TRUE(told);
  EXPECT_TRUE(wait_taken(2));
}

TEST(ConnectionsForDescriptors, LeavesSomeForTheRest) {
  EXPECT_EQ(connections_for_descriptors(20'000), 19'488u);
  EXPECT_EQ(connections_for_descriptors(1024), 768u);
  EXPECT_EQ(connections_for_descriptors(0), 16u);
}

}  // namespace
}  // namespace sotto::server
