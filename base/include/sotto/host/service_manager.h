// What a server tells the service manager that started it: sd_notify(3)'s protocol, a datagram to the socket
// in $NOTIFY_SOCKET. The protocol is stable and documented so that programs speak it themselves; libsystemd
// would bring its decompressors and a second copy of much else into processes that hold keys.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sotto::host {

// One thread.
class ServiceManager {
 public:
  // That of $NOTIFY_SOCKET and $WATCHDOG_USEC; without these nobody listens and nothing happens.
  [[nodiscard]] static ServiceManager from_environment();

  // "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...": fields of sd_notify(3), a line each. What cannot be
  // delivered is lost: a server does not depend on its manager.
  void tell(std::string_view state) const;
  // "RELOADING=1" with the time that the manager compares; "READY=1" ends it.
  void tell_reloading() const;
  // The manager kills a process that sent no WATCHDOG=1 for so long; nothing when it does not watch this one.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_{};  // empty: none
  std::optional<std::chrono::microseconds> watchdog_{};
};

}  // namespace sotto::host
