// A server's port, the coordinator's or a mask helper's: accepts connections and hands over those that it
// lets in. gRPC 1.51 would accept for ever, and no more at all after the first time that the process had no
// descriptor left (CVE-2023-4785): here accepting ends below that limit, and goes on when there is room
// again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "door/caller_address.h"
#include "door/connection_table.h"
#include "door/doorkeeper.h"
#include "sotto/base/clock.h"
#include "sotto/hosting/listening_sockets.h"
#include "sotto/hosting/notice.h"

namespace sotto::server {

// What the port works with. All must outlive it.
struct GuardedPortParts {
  const CallerAddresses& addresses;
  Doorkeeper& door;  // counts whom is turned away, and says what to log
  const Clock& clock;
};

struct GuardedPortOptions {
  ConnectionLimits limits{};  // all_max: 0 takes what the process's limit on descriptors leaves
  // On the port's thread, with the door's lines and its own; quick. May be empty.
  hosting::NoticeSink notice{};
};

class GuardedPort final {
 public:
  // Owns `descriptor` from then on; on the port's thread.
  using HandOver = std::function<void(int listener, int descriptor)>;

  GuardedPort(hosting::ListeningSockets sockets, const GuardedPortParts& parts, GuardedPortOptions options);
  ~GuardedPort();  // stop()
  GuardedPort(const GuardedPort&) = delete;
  GuardedPort& operator=(const GuardedPort&) = delete;

  // Once. kIo when there is no descriptor or thread for it.
  [[nodiscard]] Status start(HandOver hand_over);
  // Listens no more. Idempotent; blocks.
  void stop();

  // Of one address, within a look around; any thread.
  void limit_addresses(const RateLimit& rate, std::size_t of_address_max);

  [[nodiscard]] std::uint16_t port() const { return sockets_.port(); }

  // Of the limit on connections: a line in the log when so many are open, another when they are fewer again.
  static constexpr double kManyFrom = 0.8;
  static constexpr double kManyUntil = 0.6;

 private:
  void run();
  // False when the system has nothing to accept with: then it is asked again after a pause.
  bool accept_from(int listener);
  void let_in(int listener, int descriptor, const NetworkAddress& address);
  void look_around();
  void take_new_limits();
  void give_back_now_and_then(Time now);
  void tell(hosting::Notice::Level level, std::string text);

  hosting::ListeningSockets sockets_;
  const GuardedPortParts parts_;
  const GuardedPortOptions options_;
  HandOver hand_over_;
  ConnectionTable connections_;  // of the port's thread
  bool many_ = false;
  bool cannot_accept_ = false;
  Time looked_{};
  struct AddressLimits {
    RateLimit rate{};
    std::size_t connections_max = 0;
  };
  std::mutex new_limits_mutex_;
  std::optional<AddressLimits> new_limits_;  // guarded by new_limits_mutex_
  std::size_t let_in_ = 0;                   // since the look at memory
  int give_back_ = 0;                        // so many times
  Time gave_back_{};
  int stop_event_ = -1;
  std::thread thread_;
};

// How many connections the limit on descriptors leaves room for.
[[nodiscard]] std::size_t connections_for_descriptors(std::size_t descriptors);

}  // namespace sotto::server
