#include "sotto/host/threads.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace sotto::host {
namespace {

constexpr const char* kAdvice =
    "raise the limit on threads (`ulimit -u`, TasksMax= of a service, pids of a container), or on memory "
    "addresses (`ulimit -v`)";

// Threads that are all there until the end.
class Crowd {
 public:
  ~Crowd() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    ended_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  // How many there are then.
  std::size_t grow_to(std::size_t count) {
    threads_.reserve(count);
    try {
      while (threads_.size() < count) threads_.emplace_back([this] { wait(); });
    } catch (const std::system_error&) {  // as many as there are
    }
    return threads_.size();
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return ends_; });
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

Status check_threads(std::size_t needed) {
  const std::size_t found = Crowd().grow_to(needed);
  if (found >= needed) return {};
  return failed_precondition("this process may start " + std::to_string(found) +
                             " more threads, and may need " + std::to_string(needed) + ": " + kAdvice);
}

Status no_more_threads() {
  return failed_precondition(std::string("this process could not start another thread: ") + kAdvice);
}

}  // namespace sotto::host
