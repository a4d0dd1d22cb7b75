// What a server does again and again beside its work: looks whether a file has changed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sotto::host {

// Runs `task` on a thread of its own, the first time when one interval is over, then an interval after each
// run. `task` must not throw, and what it uses must outlive this object.
class RepeatedTask {
 public:
  RepeatedTask(std::chrono::milliseconds interval, std::function<void()> task);
  // Does not wait for the next run, only for one that is under way.
  ~RepeatedTask();
  RepeatedTask(const RepeatedTask&) = delete;
  RepeatedTask& operator=(const RepeatedTask&) = delete;

 private:
  void run();

  const std::chrono::milliseconds interval_;
  const std::function<void()> task_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace sotto::host
