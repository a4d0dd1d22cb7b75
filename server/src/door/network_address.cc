#include "door/network_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace sotto::server {
namespace {

constexpr unsigned kBits = 128;
constexpr std::size_t kV4At = 12;  // where the four bytes of an IPv4 address are
constexpr unsigned kV4Bits = 32;
constexpr unsigned kGroupBits = 64;
constexpr std::size_t kPrefixDigitsMax = 3;
constexpr std::array<std::uint8_t, kV4At> kV4Mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The address with all bits from `bits` on cleared.
NetworkAddress masked(NetworkAddress address, unsigned bits) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned kept = std::clamp(bits > 8 * i ? bits - 8 * i : 0, 0u, 8u);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00u >> kept));
  }
  return address;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Status not_a_prefix(std::string_view text) {
  return invalid_argument("\"" + std::string(text.substr(0, 64)) +
                          "\" is no range of addresses: must be ADDRESS or ADDRESS/BITS, for instance "
                          "192.0.2.0/24 or 2001:db8::/48");
}

}  // namespace

bool is_ipv4(const NetworkAddress& address) {
  return std::equal(kV4Mapped.begin(), kV4Mapped.end(), address.bytes.begin());
}

std::optional<NetworkAddress> parse_network_address(std::string_view text) {
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos) text = text.substr(0, zone);
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string ended(text);
  NetworkAddress address;
  if (inet_pton(AF_INET6, ended.c_str(), address.bytes.data()) == 1) return address;
  std::copy(kV4Mapped.begin(), kV4Mapped.end(), address.bytes.begin());
  if (inet_pton(AF_INET, ended.c_str(), address.bytes.data() + kV4At) == 1) return address;
  return std::nullopt;
}

std::optional<NetworkAddress> parse_endpoint(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (!rest.starts_with(':') || !is_digits(rest.substr(1)))) return std::nullopt;
    return parse_network_address(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  const bool one_colon =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (!one_colon) return parse_network_address(text);
  if (!is_digits(text.substr(colon + 1))) return std::nullopt;
  return parse_network_address(text.substr(0, colon));
}

std::optional<NetworkAddress> parse_peer(std::string_view peer) {
  if (peer.starts_with("ipv4:")) return parse_endpoint(peer.substr(5));
  if (!peer.starts_with("ipv6:")) return std::nullopt;
  peer.remove_prefix(5);
  // Newer versions of gRPC write brackets as in a URI.
  if (!peer.starts_with("%5B")) return parse_endpoint(peer);
  peer.remove_prefix(3);
  return parse_network_address(peer.substr(0, peer.find('%')));
}

std::string to_string(const NetworkAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_ipv4(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? kV4At : 0), text.data(), text.size());
  return text.data();
}

NetworkAddress address_group(const NetworkAddress& address) {
  return is_ipv4(address) ? address : masked(address, kGroupBits);
}

std::string group_text(const NetworkAddress& group) {
  return is_ipv4(group) ? to_string(group) : to_string(group) + "/" + std::to_string(kGroupBits);
}

bool NetworkPrefix::contains(const NetworkAddress& other) const { return masked(other, bits) == address; }

Result<NetworkPrefix> parse_network_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<NetworkAddress> address = parse_network_address(text.substr(0, slash));
  if (!address || text.find('%') != std::string_view::npos) return not_a_prefix(text);
  if (slash == std::string_view::npos) return NetworkPrefix{*address, kBits};
  const std::string_view digits = text.substr(slash + 1);
  const unsigned bits_max = is_ipv4(*address) ? kV4Bits : kBits;
  unsigned bits = 0;
  if (!is_digits(digits) || digits.size() > kPrefixDigitsMax ||
      std::from_chars(digits.data(), digits.data() + digits.size(), bits).ec != std::errc() ||
      bits > bits_max) {
    return not_a_prefix(text);
  }
  bits += kBits - bits_max;
  const NetworkAddress kept = masked(*address, bits);
  if (kept != *address) {
    return invalid_argument("\"" + std::string(text) + "\" is no range of addresses: " + to_string(kept) +
                            std::string(text.substr(slash)) + " or " + to_string(*address) + " alone?");
  }
  return NetworkPrefix{*address, bits};
}

}  // namespace sotto::server
