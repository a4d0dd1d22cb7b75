#include "door/guarded_port.h"

#include <fmt/core.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace sotto::server {
namespace {

constexpr int kLookAroundMs = 1000;
constexpr int kPauseMs = 100;  // after the system had nothing to accept with
constexpr std::int64_t kGiveBackMs = 30'000;
constexpr std::size_t kGiveBackConnections = 500;
constexpr int kGiveBackTimes = 4;
constexpr int kAcceptsAtATime = 64;  // before others are looked at
// For the database, the administration socket, a helper, and what gRPC opens for itself.
constexpr std::size_t kReserveMax = 512;
constexpr std::size_t kConnectionsMin = 16;

std::size_t descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

ConnectionLimits completed(ConnectionLimits limits) {
  if (limits.all_max == 0) limits.all_max = connections_for_descriptors(descriptor_limit());
  return limits;
}

std::optional<std::uint64_t> inode_of(int descriptor) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0 || !S_ISSOCK(found.st_mode)) return std::nullopt;
  return found.st_ino;
}

NetworkAddress address_of(const sockaddr_storage& peer) {
  NetworkAddress address;
  if (peer.ss_family == AF_INET6) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, 16);
  } else if (peer.ss_family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
  }
  return address;
}

// A handshake needs some 70 KB, and the C library keeps what thousands of them needed at a time.
void give_memory_back() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

// What says nothing about the machine: the caller went away again.
bool is_callers_fault(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPERM || error == EPROTO || error == ENETDOWN ||
         error == ENOPROTOOPT || error == EHOSTDOWN || error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

std::size_t connections_for_descriptors(std::size_t descriptors) {
  const std::size_t reserve = std::min(kReserveMax, descriptors / 4);
  return std::max(kConnectionsMin, descriptors - reserve);
}

GuardedPort::GuardedPort(hosting::ListeningSockets sockets, const GuardedPortParts& parts,
                         GuardedPortOptions options)
    : sockets_(std::move(sockets)),
      parts_(parts),
      options_([&] {
        options.limits = completed(options.limits);
        return std::move(options);
      }()),
      connections_(options_.limits, [](const Connection& connection) {
        return inode_of(connection.descriptor) == connection.inode;
      }) {}

GuardedPort::~GuardedPort() {
  stop();
  if (stop_event_ >= 0) ::close(stop_event_);
}

Status GuardedPort::start(HandOver hand_over) {
  hand_over_ = std::move(hand_over);
  stop_event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event_ < 0) return io_error(std::string("cannot accept connections: ") + std::strerror(errno));
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return io_error(std::string("cannot accept connections: no thread to be had: ") + error.what());
  }
  return {};
}

void GuardedPort::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  // An event's counter takes a one always.
  [[maybe_unused]] const ssize_t written = ::write(stop_event_, &one, sizeof one);
  thread_.join();
  sockets_.close();
}

void GuardedPort::limit_addresses(const RateLimit& rate, std::size_t of_address_max) {
  const std::lock_guard lock(new_limits_mutex_);
  new_limits_ = {rate, of_address_max};
}

void GuardedPort::take_new_limits() {
  const std::lock_guard lock(new_limits_mutex_);
  if (new_limits_) connections_.limit_addresses(new_limits_->rate, new_limits_->connections_max);
  new_limits_.reset();
}

void GuardedPort::run() {
  std::vector<pollfd> watched{{.fd = stop_event_, .events = POLLIN, .revents = 0}};
  for (const int listener : sockets_.descriptors()) {
    watched.push_back({.fd = listener, .events = POLLIN, .revents = 0});
  }
  bool pause = false;
  for (;;) {
    // Listeners would report at once that they are ready: only the end is waited for.
    const nfds_t count = pause ? 1 : watched.size();
    ::poll(watched.data(), count, pause ? kPauseMs : kLookAroundMs);
    if ((watched.front().revents & POLLIN) != 0) return;
    pause = false;
    for (std::size_t i = 1; i < watched.size(); ++i) {
      if (!accept_from(watched[i].fd)) pause = true;
    }
    if (parts_.clock.now().ms - looked_.ms >= kLookAroundMs) look_around();
  }
}

bool GuardedPort::accept_from(int listener) {
  for (int i = 0; i < kAcceptsAtATime; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int descriptor =
        ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
      cannot_accept_ = false;
      let_in(listener, descriptor, address_of(peer));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (!is_callers_fault(errno)) {
      if (!std::exchange(cannot_accept_, true)) {
        tell(hosting::Notice::Level::kError,
             fmt::format("cannot accept connections: {}: trying again; raise the limit on open files",
                         std::strerror(errno)));
      }
      return false;
    }
  }
  return true;
}

void GuardedPort::let_in(int listener, int descriptor, const NetworkAddress& address) {
  const Time now = parts_.clock.now();
  const Caller caller = parts_.addresses.caller(address);
  std::optional<AwayReason> refused = connections_.refuse(caller, now);
  const std::optional<std::uint64_t> inode = inode_of(descriptor);
  if (refused || !inode) {
    parts_.door.count(refused.value_or(AwayReason::kConnectionsOfAll), caller.group, now);
    ::close(descriptor);
    return;
  }
  connections_.add({descriptor, *inode}, caller.group);
  ++let_in_;
  hand_over_(listener, descriptor);
}

void GuardedPort::look_around() {
  const Time now = parts_.clock.now();
  looked_ = now;
  take_new_limits();
  const auto all_max = static_cast<double>(options_.limits.all_max);
  if (many_ || static_cast<double>(connections_.size()) >= kManyFrom * all_max) connections_.look_again(now);
  const auto open = static_cast<double>(connections_.size());
  if (!many_ && open >= kManyFrom * all_max) {
    many_ = true;
    tell(hosting::Notice::Level::kWarning,
         fmt::format("{} connections are open, of {} that the limit on open files leaves room for: raise it",
                     connections_.size(), options_.limits.all_max));
  } else if (many_ && open <= kManyUntil * all_max) {
    many_ = false;
    tell(hosting::Notice::Level::kInfo, fmt::format("{} connections are open again", connections_.size()));
  }
  give_back_now_and_then(now);
  for (hosting::Notice& line : parts_.door.report(now)) {
    if (options_.notice) options_.notice(line);
  }
}

// After many connections, and again once those have ended: the last idle one does after a minute.
void GuardedPort::give_back_now_and_then(Time now) {
  if (now.ms - gave_back_.ms < kGiveBackMs) return;
  gave_back_ = now;
  if (std::exchange(let_in_, 0) >= kGiveBackConnections) give_back_ = kGiveBackTimes;
  if (give_back_ == 0) return;
  --give_back_;
  give_memory_back();
}

void GuardedPort::tell(hosting::Notice::Level level, std::string text) {
  if (options_.notice) options_.notice({level, std::move(text)});
}

}  // namespace sotto::server
