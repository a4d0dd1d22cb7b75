#include "rpc/admin_port.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include "sotto/hosting/listen_address.h"
#include "sotto/proto/admin_socket.h"

namespace sotto::server {
namespace {

constexpr int kBacklog = 64;
constexpr int kPauseMs = 100;  // after the system had nothing to accept with

// Creates files with mode 0600 for as long as it lives. The mask belongs to the whole process: used at start
// only.
class PrivateFileMask {
 public:
  PrivateFileMask() : previous_(::umask(0177)) {}
  ~PrivateFileMask() { ::umask(previous_); }
  PrivateFileMask(const PrivateFileMask&) = delete;
  PrivateFileMask& operator=(const PrivateFileMask&) = delete;

 private:
  mode_t previous_;
};

Status cannot_create(const std::filesystem::path& path) {
  return io_error(fmt::format(
      "cannot create the administration socket {}: {}: check that its directory exists and is writable",
      path.string(), std::error_code(errno, std::generic_category()).message()));
}

bool bind_private(int listener, const sockaddr_un& name) {
  const PrivateFileMask mask;
  return ::bind(listener, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

}  // namespace

Result<std::unique_ptr<AdminPort>> AdminPort::open(const std::filesystem::path& path) {
  SOTTO_RETURN_IF_ERROR(proto::admin_target(path).status());  // that clients can name it
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.native().size());
  SOTTO_RETURN_IF_ERROR(hosting::clear_stale_socket(path));
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return cannot_create(path);
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0 || !bind_private(listener, name) || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(listener, kBacklog) != 0) {
    const Status failed = cannot_create(path);
    ::close(listener);
    if (wake >= 0) ::close(wake);
    return failed;
  }
  return std::unique_ptr<AdminPort>(new AdminPort(path, listener, wake));
}

AdminPort::~AdminPort() {
  stop();
  ::close(listener_);
  ::close(wake_);
}

void AdminPort::start(Take take) {
  thread_ = std::thread([this, take = std::move(take)] { run(take); });
}

void AdminPort::stop() {
  if (!std::exchange(open_, false)) return;
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_, &one, sizeof one));
  if (thread_.joinable()) thread_.join();
  ::unlink(path_.c_str());
}

void AdminPort::run(const Take& take) const {
  std::array<pollfd, 2> waits = {{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) {
      take(connection);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      ::poll(&waits[1], 1, kPauseMs);
    }
  }
}

std::string operator_of(const std::string& peer) {
  constexpr std::string_view kPrefix = "fd:";
  int descriptor = -1;
  if (peer.starts_with(kPrefix)) {
    std::from_chars(peer.data() + kPrefix.size(), peer.data() + peer.size(), descriptor);
  }
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (descriptor < 0 || ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return "unknown";
  }
  return fmt::format("uid {}", credentials.uid);
}

}  // namespace sotto::server
