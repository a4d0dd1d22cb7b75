// A session's transport against gateways that are not there, hang up or keep silent.
#include "sotto/client/link_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <thread>

#include "gateway/line.h"
#include "gateway_lines.h"
#include "sotto/client/gateway.h"

namespace sotto::client {
namespace {

using testing::ask;
using testing::board_at;
using testing::echoed;
using testing::exchange_of;
using ::testing::HasSubstr;

// A gateway of one line, which it cuts once when it has sent so many bytes.
class CuttingGateway {
 public:
  explicit CuttingGateway(std::size_t cut_after)
      : cut_after_(cut_after), listener_(*listen_tcp("127.0.0.1:0")), thread_([this] { run(); }) {}
  ~CuttingGateway() { thread_.join(); }
  [[nodiscard]] std::string address() const { return local_address(listener_); }

 private:
  // Until the second line is closed by the board.
  void run() {
    for (LinkId id = 1; id <= 2; ++id) {
      if (!wait(listener_)) return;
      const Accepted board = accept_tcp(listener_);
      ASSERT_TRUE(gateway_.open(id));
      serve(board.line, id);
      perform(gateway_.close(id), board.line);
      cut_after_ = SIZE_MAX;
    }
  }
  void serve(const Descriptor& line, LinkId id) {
    std::array<std::uint8_t, 4096> bytes;
    for (std::size_t count = 0; sent_ < cut_after_ && wait(line);) {
      if (read_line(line, bytes.data(), bytes.size(), count) == LineState::kClosed) return;
      perform(gateway_.received(id, Bytes(bytes).first(count)), line);
    }
  }
  void perform(Gateway::Actions actions, const Descriptor& line) {
    for (Gateway::Action& action : actions) {
      if (const auto* send = std::get_if<Gateway::Send>(&action)) {
        std::size_t count = 0;
        for (std::size_t done = 0; done < send->bytes.size(); done += count) {
          if (write_line(line, send->bytes.data() + done, send->bytes.size() - done, count) ==
              LineState::kClosed)
            return;
        }
        sent_ += send->bytes.size();
      } else if (const auto* call = std::get_if<Gateway::Call>(&action)) {
        perform(gateway_.answered(call->link, call->number, testing::echo(call->request)), line);
      }
    }
  }
  static bool wait(const Descriptor& line) {
    pollfd polled{line.get(), POLLIN, 0};
    return ::poll(&polled, 1, 20'000) == 1;
  }

  std::size_t cut_after_;
  std::size_t sent_ = 0;
  Gateway gateway_{{}};
  Descriptor listener_;
  std::thread thread_;
};

TEST(LinkTransport, WhoseLineIsCutInAnAnswerSaysSoAndConnectsAnew) {
  // Within the first 64 KiB of the answer, and in what is fetched after them.
  for (const std::size_t cut_after : {10'000u, 100'000u}) {
    CuttingGateway gateway(cut_after);
    const auto board = board_at(gateway.address());
    const auto cut = ask(*board, exchange_of(200'000));
    ASSERT_FALSE(cut.has_value()) << cut_after;
    EXPECT_EQ(cut.error().code(), StatusCode::kUnavailable);
    EXPECT_THAT(cut.error().message(), HasSubstr("hung up"));
    EXPECT_EQ(echoed(ask(*board, exchange_of(200'000))), 200'000u);
  }
}

TEST(LinkTransport, NamesAnAddressThatIsNone) {
  for (const char* address : {"", "here", "127.0.0.1:0", "127.0.0.1:99999"}) {
    const auto made = make_link_transport({.gateway = address});
    ASSERT_FALSE(made.has_value()) << address;
    EXPECT_EQ(made.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(made.error().message(), HasSubstr("is not a gateway's address"));
  }
}

TEST(LinkTransport, SaysWhenNobodyListensOrAnswers) {
  const auto listener = listen_tcp("127.0.0.1:0");
  ASSERT_TRUE(listener.has_value());
  const std::string address = local_address(*listener);
  auto made = make_link_transport({.gateway = address, .repeat_ms = 20, .patience_ms = 100});
  const auto silent = ask(**made, exchange_of(5));
  ASSERT_FALSE(silent.has_value());
  EXPECT_EQ(silent.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(silent.error().message(), HasSubstr("does not answer"));
}

TEST(LinkTransport, EndsAnOutstandingCallWhenItIsDestroyed) {
  const auto listener = listen_tcp("127.0.0.1:0");
  ASSERT_TRUE(listener.has_value());
  StatusCode code = StatusCode::kOk;
  {
    const auto board = board_at(local_address(*listener));
    board->send(exchange_of(5), [&](const Result<Reply>& reply) { code = reply.status().code(); });
  }
  EXPECT_EQ(code, StatusCode::kUnavailable);
}

}  // namespace
}  // namespace sotto::client
