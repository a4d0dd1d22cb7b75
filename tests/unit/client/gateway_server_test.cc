// A gateway's lines over loopback.
#include "sotto/client/gateway_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <time.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "gateway/line.h"
#include "gateway_lines.h"

namespace sotto::client {
namespace {

using testing::ask;
using testing::board_at;
using ::testing::Contains;
using testing::echoed;
using testing::exchange_of;
using ::testing::HasSubstr;

class GatewayServerTest : public ::testing::Test {
 protected:
  void start(GatewayOptions options = {}) {
    options.listen = "127.0.0.1:0";
    if (!options.make_transport) {
      options.make_transport = []() -> Result<std::unique_ptr<Transport>> {
        return std::unique_ptr<Transport>(std::make_unique<testing::EchoTransport>());
      };
    }
    options.notice = [this](const GatewayNotice& notice) {
      const std::lock_guard lock(mutex);
      notices.push_back(notice.text);
    };
    auto started = GatewayServer::start(std::move(options));
    ASSERT_TRUE(started.has_value()) << started.error().message();
    server = std::move(*started);
  }
  // The other end closes it.
  static bool is_closed(const Descriptor& line) {
    pollfd polled{line.get(), POLLIN, 0};
    std::uint8_t byte = 0;
    std::size_t count = 0;
    return ::poll(&polled, 1, 20'000) == 1 && read_line(line, &byte, 1, count) == LineState::kClosed;
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex);
    return notices;
  }

  std::mutex mutex;
  std::vector<std::string> notices;
  std::unique_ptr<GatewayServer> server;
};

TEST_F(GatewayServerTest, CarriesCallsAndAnswersOfEverySize) {
  start();
  const auto board = board_at(server->address());
  for (const std::size_t payload : {0u, 1u, 1'024u, 70'000u, 300'000u}) {
    EXPECT_EQ(echoed(ask(*board, exchange_of(payload))), payload);
  }
  const auto left = ask(*board, proto::AbandonRequest{.token = {}, .reason = "battery"});
  ASSERT_TRUE(left.has_value()) << left.error().message();
  EXPECT_TRUE(std::holds_alternative<Abandoned>(*left));
}

TEST_F(GatewayServerTest, TellsABoardWhyThereIsNoWayToTheCoordinatorAndTriesAnew) {
  std::atomic<int> made = 0;
  start({.make_transport = [&]() -> Result<std::unique_ptr<Transport>> {
    if (++made == 1) return unavailable("the coordinator's name is not known");
    return std::unique_ptr<Transport>(std::make_unique<testing::EchoTransport>());
  }});
  const auto board = board_at(server->address());
  const auto failed = ask(*board, exchange_of(5));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(failed.error().message(), HasSubstr("the coordinator's name is not known"));
  EXPECT_THAT(said(), Contains(HasSubstr("the coordinator's name is not known")));
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
  EXPECT_THAT(said(), Contains("the coordinator answers"));
  EXPECT_EQ(made, 2) << "one for each line";
  EXPECT_EQ(echoed(ask(*board, exchange_of(6))), 6u);
  EXPECT_EQ(made, 2);
}

std::int64_t processor_ms() {
  timespec used{};
  EXPECT_EQ(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
  return std::int64_t{used.tv_sec} * 1'000 + used.tv_nsec / 1'000'000;
}

TEST_F(GatewayServerTest, RestsWhileNobodySpeaks) {
  start();
  const auto board = board_at(server->address());
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
  const std::int64_t before = processor_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_LT(processor_ms() - before, 40);
}

TEST_F(GatewayServerTest, ClosesLinesOfStrangersAndOfBoardsThatWentSilent) {
  start({.first_frame = std::chrono::milliseconds(50)});
  const auto stranger = connect_tcp(server->address(), 20'000);
  ASSERT_TRUE(stranger.has_value());
  EXPECT_TRUE(is_closed(*stranger));
  const auto board = board_at(server->address());
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(server->counts().links, 1u) << "a board that has spoken may be silent for longer";
}

TEST_F(GatewayServerTest, TurnsAwayBoardsBeyondTheNumberOfAnAddress) {
  start({.links_per_address_max = 1});
  const auto board = board_at(server->address());
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
  const auto second = connect_tcp(server->address(), 20'000);
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(is_closed(*second));
  EXPECT_THAT(said(), Contains(HasSubstr("1 boards were turned away, the last from 127.0.0.1")));
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
}

TEST_F(GatewayServerTest, ThatHasDrainedHasAnsweredWhatItTook) {
  start();
  const auto board = board_at(server->address());
  EXPECT_EQ(echoed(ask(*board, exchange_of(5))), 5u);
  EXPECT_FALSE(server->drained());
  server->drain();
  const auto refused = ask(*board, exchange_of(5));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(server->drained());
  server->stop();
  server->stop();
}

TEST_F(GatewayServerTest, IsRefusedWhenItCouldServeNobody) {
  EXPECT_EQ(GatewayServer::start({}).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(GatewayServer::start({.listen = "here"}).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(GatewayServer::start({.serial_ports = {"/dev/ttyS0:3"}}).error().code(),
            StatusCode::kInvalidArgument);
  start();
  EXPECT_EQ(GatewayServer::start({.listen = server->address()}).error().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace sotto::client
