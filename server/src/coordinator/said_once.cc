#include "coordinator/said_once.h"

namespace sotto::server {

bool SaidOnce::first(const std::string& what, Time now) {
  while (!until_.empty() && until_.front().first <= now) {
    said_.erase(until_.front().second);
    until_.pop_front();
  }
  if (said_.size() >= kMax || !said_.insert(what).second) return false;
  until_.emplace_back(now + kKept, what);
  return true;
}

}  // namespace sotto::server
