#include "sotto/host/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "support/temporary_directory.h"

namespace sotto::host {
namespace {

// A service manager's end of the socket.
class HostServiceManager : public ::testing::Test {
 protected:
  void SetUp() override {
    forget_environment();
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_GE(descriptor_, 0);
  }
  void TearDown() override {
    ::close(descriptor_);
    forget_environment();
  }
  static void forget_environment() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  void listen_on(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  static std::int64_t monotonic_us() {
    timespec now{};
    EXPECT_EQ(::clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
  }
  std::string heard() {
    char text[256];
    const ssize_t count = ::recv(descriptor_, text, sizeof text, 0);
    return count < 0 ? "" : std::string(text, static_cast<std::size_t>(count));
  }

  TemporaryDirectory directory_;
  int descriptor_ = -1;
};

TEST_F(HostServiceManager, IsToldOverItsSocket) {
  listen_on((directory_.path() / "notify").string());
  ServiceManager::from_environment().tell("READY=1");
  EXPECT_EQ(heard(), "READY=1");
}

// By the clock that the manager knows its own messages by.
TEST_F(HostServiceManager, IsToldWhenAReloadBegan) {
  listen_on((directory_.path() / "notify").string());
  const std::int64_t before = monotonic_us();
  ServiceManager::from_environment().tell_reloading();
  const std::int64_t after = monotonic_us();
  const std::string text = heard();
  const std::string words = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(text.starts_with(words)) << text;
  const std::int64_t told = std::stoll(text.substr(words.size()));
  EXPECT_GE(told, before);
  EXPECT_LE(told, after);
}

TEST_F(HostServiceManager, IsToldOverASocketWithoutAFile) {
  listen_on("@sotto-test-" + std::to_string(::getpid()));
  ServiceManager::from_environment().tell("STOPPING=1");
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(HostServiceManager, IsNotMissedWhenThereIsNone) {
  ServiceManager::from_environment().tell("READY=1");
  EXPECT_FALSE(ServiceManager::from_environment().watchdog());
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  ServiceManager::from_environment().tell("READY=1");
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  ServiceManager::from_environment().tell("READY=1");
  EXPECT_EQ(heard(), "");
}

TEST_F(HostServiceManager, WatchesTheProcessThatItNames) {
  listen_on((directory_.path() / "notify").string());
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog(), std::chrono::seconds(2));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog(), std::chrono::seconds(2));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(ServiceManager::from_environment().watchdog());
  ::unsetenv("WATCHDOG_PID");
  for (const char* nonsense : {"", "soon", "0", "-5", "2s", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", nonsense, 1);
    EXPECT_FALSE(ServiceManager::from_environment().watchdog()) << nonsense;
  }
}

}  // namespace
}  // namespace sotto::host
