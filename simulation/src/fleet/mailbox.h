// Replies on their way from a transport's threads to the one thread that drives the fleet.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "sotto/client/transport.h"

namespace sotto::simulation {

struct Delivery {
  std::size_t member = 0;
  Result<client::Reply> reply;
};

// Thread-safe. Holds at most one delivery per member, because a transport has at most one call outstanding.
class Mailbox {
 public:
  void post(Delivery delivery) {
    {
      const std::lock_guard lock(mutex_);
      deliveries_.push_back(std::move(delivery));
    }
    arrived_.notify_one();
  }

  [[nodiscard]] std::vector<Delivery> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(deliveries_, {});
  }

  // Returns when something has arrived, at the latest after `limit`.
  void wait_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, limit, [this] { return !deliveries_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Delivery> deliveries_;
};

}  // namespace sotto::simulation
