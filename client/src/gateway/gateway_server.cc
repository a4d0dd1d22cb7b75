#include "sotto/client/gateway_server.h"

#include <fmt/core.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "line.h"
#include "sotto/base/clock.h"
#include "sotto/base/limits.h"

namespace sotto::client {
namespace {

constexpr int kLookMs = 500;
constexpr std::int64_t kOpenAgainMs = 1'000;  // a serial port that is not there
// Of frames that a board does not read: more than it can have asked for.
constexpr std::size_t kUnreadBytesMax = std::size_t{256} * 1024;
constexpr std::size_t kReadBytes = 4096;

struct Answer {
  LinkId link;
  std::uint64_t number;
  Result<Reply> reply;
};

// Where transports' callbacks leave answers; outlives the loop, as they may.
struct Mailbox {
  std::mutex mutex;
  std::vector<Answer> answers;
  Descriptor event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event.get(), &one, sizeof one);
  }
  void quiet() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(event.get(), &count, sizeof count);
  }
};

struct Line {
  Descriptor fd;
  std::string peer;
  bool serial = false;
  Time opened;
  Time heard;
  std::vector<std::uint8_t> unsent{};
  std::unique_ptr<Transport> transport{};
};

// A port that boards are wired to, whether it is there or not.
struct Wire {
  SerialPort port;
  LinkId link = 0;  // 0: not open
  Time open_at{};
  bool said = false;  // that it cannot be opened
};

}  // namespace

class GatewayServer::Loop {
 public:
  Loop(GatewayOptions options, Descriptor listener, std::vector<Wire> wires)
      : options_(std::move(options)),
        gateway_(options_.limits),
        listener_(std::move(listener)),
        address_(listener_.is_open() ? local_address(listener_) : ""),
        wires_(std::move(wires)) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    stopping_ = true;
    mailbox_->wake();
    if (thread_.joinable()) thread_.join();
  }
  void drain() {
    draining_ = true;
    mailbox_->wake();
  }
  [[nodiscard]] bool drained() const { return drained_; }
  [[nodiscard]] bool usable() const { return mailbox_->event.is_open(); }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] GatewayCounts counts() const {
    const std::lock_guard lock(counts_mutex_);
    return counts_;
  }

 private:
  void run();
  void wait();
  void open_wires(Time now);
  void accept_boards(Time now);
  bool add(Line line, LinkId& id);
  void hear(LinkId id, Time now);
  void flush(LinkId id);
  void take_answers();
  void close_silent(Time now);
  void close(LinkId id, const std::string& why);
  void perform(Gateway::Actions actions);
  void send(Gateway::Send& send);
  void call(Gateway::Call& call);
  void say(bool warning, std::string text) const {
    if (options_.notice) options_.notice({warning, std::move(text)});
  }

  const GatewayOptions options_;
  Gateway gateway_;
  Descriptor listener_;
  const std::string address_;
  std::vector<Wire> wires_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  SystemClock clock_;
  std::map<LinkId, Line> lines_;
  std::vector<pollfd> polled_;
  LinkId last_link_ = 0;
  std::uint64_t turned_away_ = 0;
  bool reached_ = true;  // the coordinator, by the last call
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> drained_{false};
  mutable std::mutex counts_mutex_;
  GatewayCounts counts_;
};

void GatewayServer::Loop::run() {
  while (!stopping_) {
    const Time now = clock_.now();
    open_wires(now);
    wait();
    mailbox_->quiet();
    take_answers();
    if (listener_.is_open() && !draining_) accept_boards(clock_.now());
    for (const pollfd& one : polled_) {
      const auto line = std::find_if(lines_.begin(), lines_.end(),
                                     [&](const auto& entry) { return entry.second.fd.get() == one.fd; });
      if (line == lines_.end()) continue;
      const LinkId id = line->first;
      if ((one.revents & (POLLIN | POLLHUP | POLLERR)) != 0) hear(id, clock_.now());
      if ((one.revents & POLLOUT) != 0) flush(id);
    }
    close_silent(clock_.now());
    if (draining_) gateway_.drain();
    drained_ = draining_ && gateway_.idle();
    const std::lock_guard lock(counts_mutex_);
    counts_ = gateway_.counts();
  }
  while (!lines_.empty()) close(lines_.begin()->first, "");
}

void GatewayServer::Loop::wait() {
  polled_.clear();
  polled_.push_back({mailbox_->event.get(), POLLIN, 0});
  if (listener_.is_open() && !draining_) polled_.push_back({listener_.get(), POLLIN, 0});
  for (const auto& [id, line] : lines_) {
    const short events = static_cast<short>(line.unsent.empty() ? POLLIN : POLLIN | POLLOUT);
    polled_.push_back({line.fd.get(), events, 0});
  }
  poll(polled_.data(), polled_.size(), kLookMs);
}

void GatewayServer::Loop::open_wires(Time now) {
  for (Wire& wire : wires_) {
    if (wire.link != 0 && !lines_.contains(wire.link)) wire.link = 0;
    if (wire.link != 0 || now < wire.open_at) continue;
    wire.open_at = now + std::chrono::milliseconds(kOpenAgainMs);
    auto opened = open_serial_port(wire.port);
    if (!opened) {
      if (!std::exchange(wire.said, true)) say(true, opened.error().message() + "; trying again");
      continue;
    }
    wire.said = false;
    const bool added =
        add({.fd = std::move(*opened), .peer = wire.port.device, .serial = true, .opened = now, .heard = now},
            wire.link);
    say(!added, added ? wire.port.device + " is open" : "no room for " + wire.port.device);
  }
}

void GatewayServer::Loop::accept_boards(Time now) {
  for (;;) {
    Accepted accepted = accept_tcp(listener_);
    if (!accepted.line.is_open()) return;
    const auto same = std::count_if(lines_.begin(), lines_.end(), [&](const auto& entry) {
      return !entry.second.serial && entry.second.peer == accepted.peer;
    });
    LinkId ignored = 0;
    const bool room = static_cast<std::size_t>(same) < options_.links_per_address_max;
    const std::string peer = accepted.peer;
    if (room && add({.fd = std::move(accepted.line), .peer = peer, .opened = now, .heard = now}, ignored)) {
      continue;
    }
    // In powers of two, so that a flood does not become one of lines in the log.
    if (const std::uint64_t count = ++turned_away_; (count & (count - 1)) == 0) {
      say(true,
          fmt::format("{} boards were turned away, the last from {}: no room for more lines", count, peer));
    }
  }
}

bool GatewayServer::Loop::add(Line line, LinkId& id) {
  if (!gateway_.open(last_link_ + 1)) return false;
  id = ++last_link_;
  lines_.emplace(id, std::move(line));
  return true;
}

void GatewayServer::Loop::hear(LinkId id, Time now) {
  Line& line = lines_.at(id);
  std::array<std::uint8_t, kReadBytes> bytes;
  std::size_t count = 0;
  const LineState state = read_line(line.fd, bytes.data(), bytes.size(), count);
  if (state == LineState::kClosed) return close(id, line.serial ? "is gone" : "");
  if (count == 0) return;
  line.heard = now;
  perform(gateway_.received(id, Bytes(bytes).first(count)));
}

void GatewayServer::Loop::flush(LinkId id) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  Line& line = found->second;
  while (!line.unsent.empty()) {
    std::size_t count = 0;
    const LineState state = write_line(line.fd, line.unsent.data(), line.unsent.size(), count);
    if (state == LineState::kClosed) return close(id, line.serial ? "cannot be written" : "");
    if (count == 0) return;
    line.unsent.erase(line.unsent.begin(), line.unsent.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

void GatewayServer::Loop::take_answers() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mailbox_->mutex);
    answers.swap(mailbox_->answers);
  }
  for (const Answer& answer : answers) {
    const bool reached =
        answer.reply.has_value() || (answer.reply.error().code() != StatusCode::kUnavailable &&
                                     answer.reply.error().code() != StatusCode::kPermissionDenied);
    if (reached != std::exchange(reached_, reached)) {
      say(!reached, reached ? "the coordinator answers" : answer.reply.error().message());
    }
    perform(gateway_.answered(answer.link, answer.number, answer.reply));
  }
}

void GatewayServer::Loop::close_silent(Time now) {
  std::vector<LinkId> silent;
  for (const auto& [id, line] : lines_) {
    if (line.serial) continue;
    const bool stranger = !gateway_.has_spoken(id) && now - line.opened >= options_.first_frame;
    if (stranger || now - line.heard >= options_.idle) silent.push_back(id);
  }
  for (const LinkId id : silent) close(id, "");
}

void GatewayServer::Loop::close(LinkId id, const std::string& why) {
  const auto found = lines_.find(id);
  if (found == lines_.end()) return;
  if (!why.empty()) say(true, found->second.peer + " " + why);
  const Line line = std::move(found->second);  // its transport cancels what is under way
  lines_.erase(found);
  perform(gateway_.close(id));
}

void GatewayServer::Loop::perform(Gateway::Actions actions) {
  for (Gateway::Action& action : actions) {
    if (auto* sent = std::get_if<Gateway::Send>(&action)) {
      send(*sent);
    } else if (auto* made = std::get_if<Gateway::Call>(&action)) {
      call(*made);
    } else if (const auto line = lines_.find(std::get<Gateway::Cancel>(action).link); line != lines_.end()) {
      line->second.transport.reset();
    }
  }
}

void GatewayServer::Loop::send(Gateway::Send& send) {
  const auto found = lines_.find(send.link);
  if (found == lines_.end()) return;
  std::vector<std::uint8_t>& unsent = found->second.unsent;
  if (unsent.size() + send.bytes.size() > kUnreadBytesMax) return;  // it asks and does not read
  unsent.insert(unsent.end(), send.bytes.begin(), send.bytes.end());
  flush(send.link);
}

void GatewayServer::Loop::call(Gateway::Call& call) {
  const auto found = lines_.find(call.link);
  if (found == lines_.end()) return;
  const auto done = [mailbox = mailbox_, link = call.link, number = call.number](Result<Reply> reply) {
    {
      const std::lock_guard lock(mailbox->mutex);
      mailbox->answers.push_back({link, number, std::move(reply)});
    }
    mailbox->wake();
  };
  if (!found->second.transport) {
    auto made = options_.make_transport();
    if (!made) return done(made.error());
    found->second.transport = std::move(*made);
  }
  found->second.transport->send(call.request, done);
}

GatewayServer::GatewayServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
GatewayServer::~GatewayServer() { stop(); }

Result<std::unique_ptr<GatewayServer>> GatewayServer::start(GatewayOptions options) {
  if (options.listen.empty() && options.serial_ports.empty()) {
    return invalid_argument("a gateway without a TCP port and without a serial port serves no board");
  }
  std::vector<Wire> wires;
  for (const std::string& text : options.serial_ports) {
    auto port = parse_serial_port(text);
    if (!port) return port.error();
    wires.push_back({.port = std::move(*port)});
  }
  Descriptor listener;
  if (!options.listen.empty()) {
    auto listening = listen_tcp(options.listen);
    if (!listening) return listening.error();
    listener = std::move(*listening);
  }
  auto loop = std::make_unique<Loop>(std::move(options), std::move(listener), std::move(wires));
  if (!loop->usable()) return io_error("the system gives no event descriptor; raise the limit on open files");
  loop->start();
  return std::unique_ptr<GatewayServer>(new GatewayServer(std::move(loop)));
}

const std::string& GatewayServer::address() const { return loop_->address(); }
void GatewayServer::drain() { loop_->drain(); }
bool GatewayServer::drained() const { return loop_->drained(); }
GatewayCounts GatewayServer::counts() const { return loop_->counts(); }
void GatewayServer::stop() { loop_->stop(); }

}  // namespace sotto::client
