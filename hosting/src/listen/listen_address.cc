#include "sotto/hosting/listen_address.h"

#include <fmt/core.h>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "sotto/host/address.h"

namespace sotto::hosting {
namespace {

class Socket {
 public:
  explicit Socket(int domain) : descriptor_(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string error_text(int error) { return std::error_code(error, std::generic_category()).message(); }

std::string advice(int error) {
  switch (error) {
    case EADDRINUSE:
      return "stop the program that uses it (another coordinator?) or choose another port";
    case EACCES:
      return "ports below 1024 need a privilege: choose a higher one";
    case EADDRNOTAVAIL:
      return "this machine does not have that address: use one of its own, or 0.0.0.0 for all";
    default:
      return "choose another address";
  }
}

int listen_error(const addrinfo& info) {
  const Socket socket(info.ai_family);
  if (socket.get() < 0) return errno;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), info.ai_addr, info.ai_addrlen) != 0) return errno;
  return ::listen(socket.get(), 1) == 0 ? 0 : errno;
}

}  // namespace

Status check_listen_address(const std::string& address) {
  if (host::parse_host_port(address)) return {};
  return invalid_argument("cannot listen on \"" + address + "\": " + host::describe_bad_host_port(address));
}

Status explain_listen_failure(const std::string& address) {
  const auto parts = host::parse_host_port(address);
  if (!parts) return check_listen_address(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(parts->host.c_str(), std::to_string(parts->port).c_str(), &hints, &found);
      error != 0) {
    return io_error(fmt::format("cannot listen on {}: {}: use a name or address of this machine", address,
                                ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    if (const int error = listen_error(*info); error != 0) {
      return io_error(fmt::format("cannot listen on {}: {}: {}", address, error_text(error), advice(error)));
    }
  }
  return {};
}

Status clear_stale_socket(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return io_error(fmt::format("cannot look at {}: {}", path.string(), error_text(errno)));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return io_error(path.string() + " is in the way of the administration socket: move it elsewhere");
  }
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  const Socket socket(AF_UNIX);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
    return io_error("another coordinator listens on " + path.string() +
                    ": stop it, or use another data directory");
  }
  if (errno != ECONNREFUSED || ::unlink(path.c_str()) != 0) {
    return io_error(fmt::format("cannot replace the socket {}: {}", path.string(), error_text(errno)));
  }
  return {};
}

}  // namespace sotto::hosting
