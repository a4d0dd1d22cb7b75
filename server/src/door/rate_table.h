// How often each address may do something: a bucket for each, in a table of bounded size.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>

#include "door/network_address.h"
#include "sotto/base/clock.h"

namespace sotto::server {

struct RateLimit {
  double per_second = 100;  // above 0
  double burst = 1000;      // at least 1: what an address may do at once after it was quiet
};

// Not thread-safe.
class RateTable {
 public:
  // Of more than `addresses_max` the one longest unseen is forgotten, as if it had been quiet.
  RateTable(const RateLimit& limit, std::size_t addresses_max);

  // From now on, whatever an address has saved up.
  void set_limit(const RateLimit& limit);

  // Whether `group` may, now. If not, it is counted among those that wait.
  [[nodiscard]] bool take(const NetworkAddress& group, Time now);
  // How long it takes until all who were refused lately have had their turn: comes back in such a time, a
  // crowd behind one address spreads out as far as the limit asks for. At most kWaitMax.
  [[nodiscard]] std::chrono::milliseconds wait(const NetworkAddress& group) const;
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

  static constexpr std::chrono::seconds kWaitMax{30};

 private:
  struct Bucket {
    double left = 0;
    double waiting = 0;
    Time refilled{};
    std::list<NetworkAddress>::iterator place{};
  };
  Bucket& find_or_make(const NetworkAddress& group, Time now);

  RateLimit limit_;
  const std::size_t addresses_max_;
  // A tree: whoever chooses addresses cannot choose them so that they collide.
  std::map<NetworkAddress, Bucket> buckets_;
  std::list<NetworkAddress> seen_;  // the one seen last at the back
};

}  // namespace sotto::server
