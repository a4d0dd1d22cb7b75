#include "sotto/host/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sotto::host {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Nothing when the text is no number.
std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  manager.socket_ = variable("NOTIFY_SOCKET");
  if (manager.socket_.empty()) return manager;
  // $WATCHDOG_PID names another process when this one was started by the one that is watched.
  const std::string watched = variable("WATCHDOG_PID");
  const std::optional<std::int64_t> interval = number(variable("WATCHDOG_USEC"));
  const bool is_watched = watched.empty() || number(watched) == static_cast<std::int64_t>(::getpid());
  if (interval && *interval > 0 && is_watched) manager.watchdog_ = std::chrono::microseconds(*interval);
  return manager;
}

void ServiceManager::tell(std::string_view state) const {
  sockaddr_un name{};
  if (socket_.empty() || socket_.size() >= sizeof name.sun_path) return;
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, socket_.data(), socket_.size());
  if (name.sun_path[0] == '@') name.sun_path[0] = '\0';  // a name without a file
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  [[maybe_unused]] const ssize_t sent = ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
                                                 reinterpret_cast<const sockaddr*>(&name), size);
  ::close(descriptor);
}

void ServiceManager::tell_reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

}  // namespace sotto::host
