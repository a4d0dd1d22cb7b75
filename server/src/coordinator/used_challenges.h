// Challenges that a device has answered, for as long as they would hold: each is good for one check-in.
#pragma once

#include <deque>
#include <set>
#include <utility>

#include "coordinator/access_key.h"

namespace sotto::server {

class UsedChallenges {
 public:
  // False when it was used before.
  [[nodiscard]] bool use(const AccessKey::Nonce& nonce, Time now);
  [[nodiscard]] bool used(const AccessKey::Nonce& nonce) const { return used_.contains(nonce); }

 private:
  std::set<AccessKey::Nonce> used_;
  std::deque<std::pair<Time, AccessKey::Nonce>> until_;  // oldest first
};

}  // namespace sotto::server
