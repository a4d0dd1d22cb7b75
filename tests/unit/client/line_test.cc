#include "gateway/line.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

namespace sotto::client {
namespace {

using ::testing::HasSubstr;

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }
Descriptor some_socket() { return Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
bool ready(const Descriptor& line) {
  pollfd polled{line.get(), POLLIN, 0};
  return ::poll(&polled, 1, 20'000) == 1;
}

TEST(Descriptor, IsClosedOnceWhereverItWent) {
  int number = -1;
  int other_number = -1;
  {
    Descriptor other = some_socket();
    other_number = other.get();
    {
      Descriptor one = some_socket();
      number = one.get();
      ASSERT_TRUE(is_open(number) && is_open(other_number));
      other = std::move(one);
    }
    EXPECT_EQ(other.get(), number);
    EXPECT_TRUE(is_open(number)) << "it has left the one that held it";
    EXPECT_FALSE(is_open(other_number)) << "what it held before";
    Descriptor& itself = other;
    other = std::move(itself);
    EXPECT_TRUE(is_open(number));
    const Descriptor last(std::move(other));
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Line, OverTcpCarriesBytesUntilOneEndIsClosed) {
  const auto listener = listen_tcp("127.0.0.1:0");
  ASSERT_TRUE(listener.has_value()) << listener.error().message();
  EXPECT_FALSE(accept_tcp(*listener).line.is_open()) << "nobody waits";
  auto board = connect_tcp(local_address(*listener), 20'000);
  ASSERT_TRUE(board.has_value()) << board.error().message();
  ASSERT_TRUE(ready(*listener));
  const Accepted accepted = accept_tcp(*listener);
  ASSERT_TRUE(accepted.line.is_open());
  EXPECT_EQ(accepted.peer, "127.0.0.1");
  std::array<std::uint8_t, 8> bytes{};
  std::size_t count = 9;
  EXPECT_EQ(read_line(accepted.line, bytes.data(), bytes.size(), count), LineState::kBlocked);
  EXPECT_EQ(count, 0u);
  const std::array<std::uint8_t, 3> sent{1, 2, 3};
  EXPECT_EQ(write_line(*board, sent.data(), sent.size(), count), LineState::kOpen);
  EXPECT_EQ(count, 3u);
  ASSERT_TRUE(ready(accepted.line));
  EXPECT_EQ(read_line(accepted.line, bytes.data(), bytes.size(), count), LineState::kOpen);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(bytes[2], 3);
  board->reset();
  ASSERT_TRUE(ready(accepted.line));
  EXPECT_EQ(read_line(accepted.line, bytes.data(), bytes.size(), count), LineState::kClosed);
  EXPECT_EQ(count, 0u);
}

TEST(Line, OverTcpIsRefusedInWords) {
  std::string closed;
  {
    const auto listener = listen_tcp("127.0.0.1:0");
    ASSERT_TRUE(listener.has_value());
    closed = local_address(*listener);
    const auto second = listen_tcp(closed);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code(), StatusCode::kIo);
    EXPECT_THAT(second.error().message(), HasSubstr("cannot listen on " + closed));
  }
  const auto nobody = connect_tcp(closed, 20'000);
  ASSERT_FALSE(nobody.has_value());
  EXPECT_EQ(nobody.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(nobody.error().message(), HasSubstr("no gateway answers at " + closed));
  EXPECT_EQ(connect_tcp("here", 1).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(listen_tcp("here").error().code(), StatusCode::kInvalidArgument);
}

TEST(SerialPort, IsADeviceAndASpeedThatPortsKnow) {
  EXPECT_EQ(parse_serial_port("/dev/ttyUSB0")->baud, 115'200u);
  const auto fast = parse_serial_port("/dev/ttyUSB0:921600");
  EXPECT_EQ(fast->device, "/dev/ttyUSB0");
  EXPECT_EQ(fast->baud, 921'600u);
  for (const char* text : {"", ":9600", "/dev/ttyUSB0:", "/dev/ttyUSB0:9601", "/dev/ttyUSB0:9600x"}) {
    const auto port = parse_serial_port(text);
    ASSERT_FALSE(port.has_value()) << text;
    EXPECT_EQ(port.error().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_THAT(open_serial_port({.device = "/dev/null"}).error().message(), HasSubstr("is no serial port"));
  EXPECT_THAT(open_serial_port({.device = "/nowhere"}).error().message(), HasSubstr("cannot open /nowhere"));
}

}  // namespace
}  // namespace sotto::client
