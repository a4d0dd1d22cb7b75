#include "coordinator/used_challenges.h"

namespace sotto::server {

bool UsedChallenges::use(const AccessKey::Nonce& nonce, Time now) {
  while (!until_.empty() && until_.front().first <= now) {
    used_.erase(until_.front().second);
    until_.pop_front();
  }
  if (!used_.insert(nonce).second) return false;
  until_.emplace_back(now + AccessKey::kChallengeHolds, nonce);
  return true;
}

}  // namespace sotto::server
