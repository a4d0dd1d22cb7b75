#include "sotto/client/link_transport.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "line.h"
#include "link_reply.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "sotto/host/address.h"
#include "sotto/proto/link_board.h"

namespace sotto::client {
namespace {

constexpr int kConnectMs = 5'000;
constexpr int kLookMs = 1'000;
constexpr std::size_t kFirstRoomBytes = std::size_t{64} * 1024;  // most answers are smaller
constexpr std::size_t kReadBytes = 4096;

using proto::LinkBoard;

std::uint32_t now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

// Calls are numbered from a random number on, so that a gateway never takes those of a process that has ended
// for this one's.
std::uint32_t first_call() {
  crypto::SystemRandom random;
  return static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32));
}

Status failure_of(const LinkBoard& board, const std::string& gateway) {
  const std::string at = "the gateway at " + gateway;
  switch (board.failure()) {
    case LinkBoard::Failure::kVersion:
      return invalid_argument(at + " speaks another version of the link; update the older side");
    case LinkBoard::Failure::kTooLarge:
      return {StatusCode::kResourceExhausted, at + " takes no message as large as this one"};
    case LinkBoard::Failure::kBusy:
      return unavailable(at + " has no room now: trying again may help");
    case LinkBoard::Failure::kSilent:
      return unavailable(at + " does not answer: trying again may help");
    default:
      return unavailable(at + " lost the call: trying again may help");
  }
}

class LinkTransport final : public Transport {
 public:
  explicit LinkTransport(const LinkTransportOptions& options)
      : options_(options),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        board_(
            {.first_call = first_call(), .repeat_ms = options.repeat_ms, .patience_ms = options.patience_ms}),
        thread_([this] { run(); }) {}
  ~LinkTransport() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
    }
    changed_.notify_all();
    thread_.join();
  }

  void send(const Request& request, Callback done) override {
    {
      const std::lock_guard lock(mutex_);
      call_.emplace(Call{proto::encode_link_call(request), std::move(done)});
    }
    changed_.notify_all();
  }

 private:
  struct Call {
    std::vector<std::uint8_t> message;
    Callback done;
  };

  void run();
  Result<Reply> carry(Bytes message);
  Status drive();
  Status read_on(std::vector<std::uint8_t>& answer);
  Status write_frames();
  Status read_frames();
  [[nodiscard]] bool closing() {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  const LinkTransportOptions options_;
  const Descriptor wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Call> call_;  // that is still to be carried
  bool closing_ = false;
  // The thread's own:
  LinkBoard board_;
  Descriptor line_;
  std::thread thread_;
};

void LinkTransport::run() {
  for (;;) {
    std::optional<Call> call;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || call_; });
      if (!call_) return;
      call.swap(call_);
    }
    Result<Reply> reply = carry(call->message);
    if (!reply) line_.reset();
    call->done(std::move(reply));
  }
}

Result<Reply> LinkTransport::carry(Bytes message) {
  if (closing()) return unavailable("the transport is being closed");
  if (!line_.is_open()) {
    auto connected = connect_tcp(options_.gateway, kConnectMs);
    if (!connected) return connected.error();
    line_ = std::move(*connected);
    board_.reconnect(now_ms());
  }
  std::vector<std::uint8_t> answer(kFirstRoomBytes);
  board_.call(message, answer, now_ms());
  SOTTO_RETURN_IF_ERROR(drive());
  SOTTO_RETURN_IF_ERROR(read_on(answer));
  return from_link(proto::decode_link_answer(answer));
}

// What of the answer did not fit into its first room.
Status LinkTransport::read_on(std::vector<std::uint8_t>& answer) {
  const std::size_t total = board_.total_bytes();
  const std::size_t before = board_.read_bytes();
  if (total > limits::kMessageBytesMax) return data_loss("the gateway announces an answer beyond all bounds");
  answer.resize(total);
  if (before >= total) return {};
  board_.read(static_cast<std::uint32_t>(before), MutableBytes(answer).subspan(before), now_ms());
  return drive();
}

// Until the board has what it asked for.
Status LinkTransport::drive() {
  while (!board_.over()) {
    if (closing()) return unavailable("the transport is being closed");
    SOTTO_RETURN_IF_ERROR(write_frames());
    if (board_.over()) break;
    const std::uint32_t wake = std::min<std::uint32_t>(board_.wake_in_ms(now_ms()), kLookMs);
    std::array<pollfd, 2> polled{pollfd{line_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    poll(polled.data(), polled.size(), static_cast<int>(wake));
    if (polled[0].revents != 0) SOTTO_RETURN_IF_ERROR(read_frames());
  }
  return board_.state() == LinkBoard::State::kDone ? Status() : failure_of(board_, options_.gateway);
}

Status LinkTransport::write_frames() {
  std::array<std::uint8_t, proto::kLinkEncodedBytesMax> frame;
  while (const std::size_t size = board_.next(frame, now_ms())) {
    for (std::size_t sent = 0; sent < size;) {
      std::size_t count = 0;
      const LineState state = write_line(line_, frame.data() + sent, size - sent, count);
      if (state == LineState::kClosed) return unavailable("the gateway at " + options_.gateway + " hung up");
      sent += count;
      if (closing()) return unavailable("the transport is being closed");
      pollfd polled{line_.get(), POLLOUT, 0};
      if (count == 0) poll(&polled, 1, kLookMs);
    }
  }
  return {};
}

Status LinkTransport::read_frames() {
  std::array<std::uint8_t, kReadBytes> bytes;
  std::size_t count = 0;
  const LineState state = read_line(line_, bytes.data(), bytes.size(), count);
  if (state == LineState::kClosed) return unavailable("the gateway at " + options_.gateway + " hung up");
  for (const std::uint8_t byte : Bytes(bytes).first(count)) board_.take(byte, now_ms());
  return {};
}

}  // namespace

Result<std::unique_ptr<Transport>> make_link_transport(const LinkTransportOptions& options) {
  const auto address = host::parse_host_port(options.gateway);
  if (!address || address->port == 0) {
    return invalid_argument("\"" + options.gateway + "\" is not a gateway's address: " +
                            host::describe_bad_host_port(options.gateway));
  }
  return std::unique_ptr<Transport>(std::make_unique<LinkTransport>(options));
}

}  // namespace sotto::client
