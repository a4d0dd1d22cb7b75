// Which connections are open, and from where: nobody tells when gRPC closes one, so they are looked at again
// when a bound seems to be reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "door/caller_address.h"
#include "door/rate_table.h"
#include "door/turned_away.h"

namespace sotto::server {

// A connection for as long as it is open: descriptors are used again, inodes of sockets are not.
struct Connection {
  int descriptor = -1;
  std::uint64_t inode = 0;
  friend bool operator==(const Connection&, const Connection&) = default;
};

struct ConnectionLimits {
  // New ones of an address: each costs a TLS handshake.
  RateLimit rate{.per_second = 100, .burst = 2000};
  std::size_t addresses_max = 65'536;
  std::size_t of_address_max = 2000;
  std::size_t all_max = 10'000;
};

// Not thread-safe.
class ConnectionTable {
 public:
  using StillOpen = std::function<bool(const Connection&)>;
  ConnectionTable(const ConnectionLimits& limits, StillOpen still_open);

  // Of one address, from now on: those that are open stay.
  void limit_addresses(const RateLimit& rate, std::size_t of_address_max);

  // Why one more of this caller is turned away. Gateways and trusted proxies have no limit but that of all.
  [[nodiscard]] std::optional<AwayReason> refuse(const Caller& caller, Time now);
  // One that was let in. Whatever had its descriptor before is closed.
  void add(const Connection& connection, const NetworkAddress& group);

  // How many are open at most.
  [[nodiscard]] std::size_t size() const { return connections_.size(); }
  // Looks at every one again.
  void look_again(Time now);

  // A look at all costs a system call for each, so the bounds ask for one no sooner than this after the last.
  static constexpr std::int64_t kLookMs = 250;

 private:
  struct Entry {
    std::uint64_t inode = 0;
    NetworkAddress group{};
  };
  struct Address {
    std::unordered_set<int> descriptors{};
    Time looked{};
  };
  // Whether an address has as many as it may, also after a look at them.
  bool full(const NetworkAddress& group, Time now);
  void forget_closed(const std::vector<int>& among);
  void forget(int descriptor);

  ConnectionLimits limits_;
  const StillOpen still_open_;
  RateTable rate_;
  std::unordered_map<int, Entry> connections_;
  std::map<NetworkAddress, Address> addresses_;  // that have any
  Time looked_{};
};

}  // namespace sotto::server
