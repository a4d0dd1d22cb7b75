#include "door/caller_address.h"

#include <algorithm>
#include <utility>

namespace sotto::server {
namespace {

Result<std::vector<NetworkPrefix>> parse_all(const std::vector<std::string>& texts, const char* option) {
  std::vector<NetworkPrefix> prefixes;
  for (const std::string& text : texts) {
    const Result<NetworkPrefix> prefix = parse_network_prefix(text);
    if (!prefix) return prefix.error().with_context(option);
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

bool any_contains(const std::vector<NetworkPrefix>& prefixes, const NetworkAddress& address) {
  return std::ranges::any_of(prefixes, [&](const NetworkPrefix& prefix) { return prefix.contains(address); });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// The last entry of a list, which is taken off it.
std::string_view take_last(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
  return trimmed(last);
}

}  // namespace

Result<CallerAddresses> CallerAddresses::parse(const std::vector<std::string>& trusted_proxies,
                                               const std::vector<std::string>& gateways) {
  CallerAddresses addresses;
  Result<std::vector<NetworkPrefix>> proxies = parse_all(trusted_proxies, "trusted-proxy");
  if (!proxies) return proxies.error();
  Result<std::vector<NetworkPrefix>> exempt = parse_all(gateways, "gateway");
  if (!exempt) return exempt.error();
  addresses.proxies_ = std::move(*proxies);
  addresses.gateways_ = std::move(*exempt);
  return addresses;
}

bool CallerAddresses::is_proxy(const NetworkAddress& address) const {
  return any_contains(proxies_, address);
}

Caller CallerAddresses::caller(const NetworkAddress& address) const {
  const bool proxy = is_proxy(address);
  return {.group = address_group(address),
          .gateway = any_contains(gateways_, address),
          .shared_connection = proxy};
}

Caller CallerAddresses::caller(std::string_view peer, std::span<const std::string_view> forwarded) const {
  NetworkAddress nearest = parse_peer(peer).value_or(NetworkAddress{});
  const bool from_proxy = is_proxy(nearest);
  std::size_t left = kForwardedBytesMax;
  bool hops = from_proxy;
  for (std::size_t i = forwarded.size(); hops && i-- > 0;) {
    std::string_view list = forwarded[i];
    while (hops && !list.empty()) {
      const std::size_t before = list.size();
      const std::optional<NetworkAddress> entry = parse_endpoint(take_last(list));
      const std::size_t read = before - list.size();
      hops = entry.has_value() && read <= left;
      if (!hops) break;
      left -= read;
      nearest = *entry;
      hops = is_proxy(nearest);
    }
  }
  Caller caller = this->caller(nearest);
  caller.shared_connection = from_proxy;
  return caller;
}

}  // namespace sotto::server
