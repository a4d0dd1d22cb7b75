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
  Result<std::vector<NetworkPrefix>> proxies = parse_all(trusted_proxies, "trusted-proxy");
  if (!proxies) return proxies.error();
  Result<std::vector<NetworkPrefix>> exempt = parse_all(gateways, "gateway");
  if (!exempt) return exempt.error();
  CallerAddresses addresses;
  addresses.lists_ = std::make_shared<const Lists>(Lists{std::move(*proxies), std::move(*exempt)});
  return addresses;
}

void CallerAddresses::take_over(const CallerAddresses& other) {
  std::shared_ptr<const Lists> newer = other.lists();
  const std::lock_guard lock(mutex_);
  lists_ = std::move(newer);
}

std::shared_ptr<const CallerAddresses::Lists> CallerAddresses::lists() const {
  const std::lock_guard lock(mutex_);
  return lists_;
}

Caller CallerAddresses::caller(const Lists& lists, const NetworkAddress& address) {
  return {.group = address_group(address),
          .gateway = any_contains(lists.gateways, address),
          .shared_connection = any_contains(lists.proxies, address)};
}

Caller CallerAddresses::caller(const NetworkAddress& address) const { return caller(*lists(), address); }

Caller CallerAddresses::caller(std::string_view peer, std::span<const std::string_view> forwarded) const {
  NetworkAddress nearest = parse_peer(peer).value_or(NetworkAddress{});
  const std::shared_ptr<const Lists> lists = this->lists();
  const bool from_proxy = any_contains(lists->proxies, nearest);
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
      hops = any_contains(lists->proxies, nearest);
    }
  }
  Caller caller = CallerAddresses::caller(*lists, nearest);
  caller.shared_connection = from_proxy;
  return caller;
}

}  // namespace sotto::server
