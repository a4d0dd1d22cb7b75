// What has come up lately: each is remembered for a while, and told from what is new.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <utility>

#include "sotto/base/clock.h"

namespace sotto::server {

template <typename Key>
class RecentSet {
 public:
  // Keeps each for `kept`, and takes no new one while it has `max`.
  explicit RecentSet(std::chrono::milliseconds kept, std::size_t max = SIZE_MAX) : kept_(kept), max_(max) {}

  // False when it is there already, or there is no room.
  [[nodiscard]] bool insert(const Key& key, Time now) {
    while (!until_.empty() && until_.front().first <= now) {
      keys_.erase(until_.front().second);
      until_.pop_front();
    }
    if (keys_.size() >= max_ || !keys_.insert(key).second) return false;
    until_.emplace_back(now + kept_, key);
    return true;
  }
  [[nodiscard]] bool contains(const Key& key) const { return keys_.contains(key); }

 private:
  const std::chrono::milliseconds kept_;
  const std::size_t max_;
  std::set<Key> keys_;
  std::deque<std::pair<Time, Key>> until_;  // oldest first
};

}  // namespace sotto::server
