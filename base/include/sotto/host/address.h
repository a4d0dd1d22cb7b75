// HOST:PORT as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sotto::host {

struct HostPort {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "name:7443", "192.0.2.1:7443", "[2001:db8::1]:7443". Nothing when the host is empty or holds one of ":/[]"
// (an IPv6 address goes into brackets), or when the port is no number of 0 to 65535 in 1 to 5 digits.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);
// What to say about a text that is none: "must be HOST:PORT, for instance ...", and of an IPv6 address
// without brackets how it is written.
[[nodiscard]] std::string describe_bad_host_port(std::string_view text);
// The form that parse_host_port() reads.
[[nodiscard]] std::string to_string(const HostPort& address);

}  // namespace sotto::host
