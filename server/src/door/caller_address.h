// Which address a call comes from: that of its connection, or what a proxy named in the configuration says.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "door/network_address.h"

namespace sotto::server {

// A caller as the door counts it.
struct Caller {
  NetworkAddress group{};          // address_group()
  bool gateway = false;            // one of those that no limit for an address holds
  bool shared_connection = false;  // the connection is a proxy's, so it carries many callers
};

// Any thread.
class CallerAddresses {
 public:
  CallerAddresses() = default;
  CallerAddresses(CallerAddresses&& other) noexcept : lists_(other.lists()) {}
  CallerAddresses& operator=(CallerAddresses&&) = delete;

  // kInvalidArgument names the option and the entry.
  [[nodiscard]] static Result<CallerAddresses> parse(const std::vector<std::string>& trusted_proxies,
                                                     const std::vector<std::string>& gateways);

  // `peer`: gRPC's name of the connection. `forwarded`: the values of x-forwarded-for in the order in which
  // they came, written by whoever likes to: believed only from trusted proxies, read from the end, where they
  // write, and no further than kForwardedBytesMax. The caller is the last entry that is no trusted proxy.
  // Without such an entry, or with one that is no address, it is the proxy that should have written it. A
  // peer without an address is the unspecified one (::).
  [[nodiscard]] Caller caller(std::string_view peer, std::span<const std::string_view> forwarded) const;

  // Of a connection, before it has said anything.
  [[nodiscard]] Caller caller(const NetworkAddress& address) const;

  // From now on by the other's proxies and gateways.
  void take_over(const CallerAddresses& other);

 private:
  struct Lists {
    std::vector<NetworkPrefix> proxies;
    std::vector<NetworkPrefix> gateways;
  };
  [[nodiscard]] std::shared_ptr<const Lists> lists() const;
  [[nodiscard]] static Caller caller(const Lists& lists, const NetworkAddress& address);

  mutable std::mutex mutex_;
  std::shared_ptr<const Lists> lists_ = std::make_shared<const Lists>();  // guarded by mutex_
};

inline constexpr std::size_t kForwardedBytesMax = 2048;

}  // namespace sotto::server
