#include "door/connection_table.h"

#include <utility>

namespace sotto::server {

ConnectionTable::ConnectionTable(const ConnectionLimits& limits, StillOpen still_open)
    : limits_(limits), still_open_(std::move(still_open)), rate_(limits.rate, limits.addresses_max) {}

void ConnectionTable::limit_addresses(const RateLimit& rate, std::size_t of_address_max) {
  rate_.set_limit(rate);
  limits_.of_address_max = of_address_max;
}

std::optional<AwayReason> ConnectionTable::refuse(const Caller& caller, Time now) {
  const bool limited = !caller.gateway && !caller.shared_connection;
  if (limited && (!rate_.take(caller.group, now) || full(caller.group, now))) return AwayReason::kConnections;
  if (connections_.size() >= limits_.all_max && now.ms - looked_.ms >= kLookMs) look_again(now);
  if (connections_.size() >= limits_.all_max) return AwayReason::kConnectionsOfAll;
  return std::nullopt;
}

bool ConnectionTable::full(const NetworkAddress& group, Time now) {
  const auto found = addresses_.find(group);
  if (found == addresses_.end() || found->second.descriptors.size() < limits_.of_address_max) return false;
  if (now.ms - found->second.looked.ms < kLookMs) return true;
  found->second.looked = now;
  forget_closed({found->second.descriptors.begin(), found->second.descriptors.end()});
  const auto after = addresses_.find(group);  // gone with the last of them
  return after != addresses_.end() && after->second.descriptors.size() >= limits_.of_address_max;
}

void ConnectionTable::add(const Connection& connection, const NetworkAddress& group) {
  if (connections_.contains(connection.descriptor)) forget(connection.descriptor);
  connections_[connection.descriptor] = {connection.inode, group};
  addresses_[group].descriptors.insert(connection.descriptor);
}

void ConnectionTable::look_again(Time now) {
  looked_ = now;
  std::vector<int> all;
  all.reserve(connections_.size());
  for (const auto& [descriptor, entry] : connections_) all.push_back(descriptor);
  forget_closed(all);
}

void ConnectionTable::forget_closed(const std::vector<int>& among) {
  for (const int descriptor : among) {
    if (!still_open_({descriptor, connections_.at(descriptor).inode})) forget(descriptor);
  }
}

void ConnectionTable::forget(int descriptor) {
  const auto connection = connections_.find(descriptor);
  const auto address = addresses_.find(connection->second.group);
  address->second.descriptors.erase(descriptor);
  if (address->second.descriptors.empty()) addresses_.erase(address);
  connections_.erase(connection);
}

}  // namespace sotto::server
