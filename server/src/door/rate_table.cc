#include "door/rate_table.h"

#include <algorithm>
#include <cmath>

#include "sotto/base/check.h"

namespace sotto::server {

RateTable::RateTable(const RateLimit& limit, std::size_t addresses_max) : addresses_max_(addresses_max) {
  SOTTO_CHECK(addresses_max > 0);
  set_limit(limit);
}

void RateTable::set_limit(const RateLimit& limit) {
  SOTTO_CHECK(limit.per_second > 0 && limit.burst >= 1);
  limit_ = limit;
}

RateTable::Bucket& RateTable::find_or_make(const NetworkAddress& group, Time now) {
  if (const auto found = buckets_.find(group); found != buckets_.end()) {
    seen_.splice(seen_.end(), seen_, found->second.place);
    return found->second;
  }
  if (buckets_.size() >= addresses_max_) {
    buckets_.erase(seen_.front());
    seen_.pop_front();
  }
  seen_.push_back(group);
  return buckets_[group] = {.left = limit_.burst, .refilled = now, .place = std::prev(seen_.end())};
}

bool RateTable::take(const NetworkAddress& group, Time now) {
  Bucket& bucket = find_or_make(group, now);
  const double elapsed_s =
      static_cast<double>(std::max<std::int64_t>(0, (now - bucket.refilled).count())) / 1000;
  bucket.refilled = std::max(bucket.refilled, now);
  bucket.left = std::min(limit_.burst, bucket.left + elapsed_s * limit_.per_second);
  bucket.waiting = std::max(0.0, bucket.waiting - elapsed_s * limit_.per_second);
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return true;
  }
  const double waiting_max = limit_.per_second * static_cast<double>(kWaitMax.count());
  bucket.waiting = std::min(bucket.waiting + 1, waiting_max);
  return false;
}

std::chrono::milliseconds RateTable::wait(const NetworkAddress& group) const {
  const auto found = buckets_.find(group);
  if (found == buckets_.end()) return {};
  return std::chrono::milliseconds(std::llround(1000 * found->second.waiting / limit_.per_second));
}

}  // namespace sotto::server
