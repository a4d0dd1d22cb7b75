#include "sotto/hosting/listening_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "sotto/host/address.h"
#include "sotto/hosting/listen_address.h"

namespace sotto::hosting {
namespace {

constexpr int kBacklog = 4096;               // the system cuts it to what it allows
constexpr unsigned kUserTimeoutMs = 20'000;  // unacknowledged for so long, a connection is dead

void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

void set_port(sockaddr_storage& address, std::uint16_t port) {
  // Both kinds have it in the same place.
  reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(port);
}

std::uint16_t port_of(int descriptor) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

// -1 with errno. What is set here, connections inherit.
int listen_on(const sockaddr_storage& address, socklen_t size, bool both_kinds) {
  const int descriptor = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(kUserTimeoutMs));
  if (address.ss_family == AF_INET6) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, both_kinds ? 0 : 1);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
      ::listen(descriptor, kBacklog) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

struct Resolved {
  sockaddr_storage address{};
  socklen_t size = 0;
};

std::vector<Resolved> resolve(const host::HostPort& host_port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(host_port.port);
  if (::getaddrinfo(host_port.host.c_str(), port.c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  std::vector<Resolved> all;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
    Resolved& resolved = all.emplace_back();
    resolved.size = info->ai_addrlen;
    std::memcpy(&resolved.address, info->ai_addr, info->ai_addrlen);
  }
  return all;
}

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

// All addresses of this machine, of both kinds where it has both.
std::optional<int> listen_everywhere(std::uint16_t port) {
  sockaddr_storage address{};
  address.ss_family = AF_INET6;
  set_port(address, port);
  int descriptor = listen_on(address, sizeof(sockaddr_in6), true);
  if (descriptor < 0 && errno == EAFNOSUPPORT) {
    address.ss_family = AF_INET;
    descriptor = listen_on(address, sizeof(sockaddr_in), false);
  }
  return descriptor < 0 ? std::nullopt : std::optional(descriptor);
}

}  // namespace

Result<ListeningSockets> ListeningSockets::open(const std::string& address) {
  SOTTO_RETURN_IF_ERROR(check_listen_address(address));
  const host::HostPort wanted = *host::parse_host_port(address);
  ListeningSockets sockets;
  if (is_wildcard(wanted.host)) {
    if (const auto descriptor = listen_everywhere(wanted.port)) sockets.descriptors_.push_back(*descriptor);
  } else {
    for (Resolved& each : resolve(wanted)) {
      if (sockets.port_ != 0) set_port(each.address, sockets.port_);
      const int descriptor = listen_on(each.address, each.size, false);
      if (descriptor >= 0) {
        sockets.descriptors_.push_back(descriptor);
        sockets.port_ = port_of(descriptor);
      } else if (errno == EADDRINUSE) {
        sockets.close();
        break;
      }
    }
  }
  if (sockets.descriptors_.empty()) {
    SOTTO_RETURN_IF_ERROR(explain_listen_failure(address));
    return io_error("cannot listen on " + address + ": " + std::strerror(errno) + ": choose another address");
  }
  sockets.port_ = port_of(sockets.descriptors_.front());
  return sockets;
}

ListeningSockets::~ListeningSockets() { close(); }

ListeningSockets::ListeningSockets(ListeningSockets&& other) noexcept { *this = std::move(other); }

ListeningSockets& ListeningSockets::operator=(ListeningSockets&& other) noexcept {
  if (this == &other) return *this;
  close();
  descriptors_ = std::exchange(other.descriptors_, {});
  port_ = other.port_;
  return *this;
}

void ListeningSockets::close() {
  for (const int descriptor : std::exchange(descriptors_, {})) ::close(descriptor);
}

}  // namespace sotto::hosting
