#include "coordinator/deadlines.h"

namespace sotto::server {

void Deadlines::set(const DeadlineKey& key, Time time) {
  clear(key);
  times_.emplace(key, time);
  order_.emplace(time, key);
}

void Deadlines::clear(const DeadlineKey& key) {
  const auto found = times_.find(key);
  if (found == times_.end()) return;
  order_.erase({found->second, key});
  times_.erase(found);
}

Time Deadlines::next() const { return order_.empty() ? kNever : order_.begin()->first; }

std::optional<DeadlineKey> Deadlines::pop_due(Time now) {
  if (order_.empty() || order_.begin()->first > now) return std::nullopt;
  const DeadlineKey key = order_.begin()->second;
  clear(key);
  return key;
}

}  // namespace sotto::server
