// Addresses of the internet as values: what a caller is counted by, and which of them a name in the
// configuration covers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/base/result.h"

namespace sotto::server {

// IPv4 addresses stand as ::ffff:a.b.c.d, so that both kinds are one type and each address has one form.
struct NetworkAddress {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const NetworkAddress&, const NetworkAddress&) = default;
};

[[nodiscard]] bool is_ipv4(const NetworkAddress& address);
// "192.0.2.1", "2001:db8::1"; a zone ("fe80::1%eth0") is left out. Nothing when it is no address.
[[nodiscard]] std::optional<NetworkAddress> parse_network_address(std::string_view text);
// The same, also with a port: "192.0.2.1:7443", "[2001:db8::1]:7443", "[2001:db8::1]".
[[nodiscard]] std::optional<NetworkAddress> parse_endpoint(std::string_view text);
// Of a gRPC peer: "ipv4:192.0.2.1:7443", "ipv6:%5B2001:db8::1%5D:7443". Nothing for anything else.
[[nodiscard]] std::optional<NetworkAddress> parse_peer(std::string_view peer);
[[nodiscard]] std::string to_string(const NetworkAddress& address);

// Whom a limit for each address counts together: an IPv4 address, or the /64 that one IPv6 customer has at
// least and picks addresses from as it likes.
[[nodiscard]] NetworkAddress address_group(const NetworkAddress& address);
// "192.0.2.1", "2001:db8::/64".
[[nodiscard]] std::string group_text(const NetworkAddress& group);

struct NetworkPrefix {
  NetworkAddress address;
  unsigned bits = 128;  // of the 128
  [[nodiscard]] bool contains(const NetworkAddress& other) const;
};
// "192.0.2.0/24", "2001:db8::/32", or an address alone. kInvalidArgument says what it must look like, also
// when bits beyond the prefix are set: then one of the two was mistyped.
[[nodiscard]] Result<NetworkPrefix> parse_network_prefix(std::string_view text);

}  // namespace sotto::server
