#include "sotto/host/repeated_task.h"

#include <utility>

namespace sotto::host {

RepeatedTask::RepeatedTask(std::chrono::milliseconds interval, std::function<void()> task)
    : interval_(interval), task_(std::move(task)), thread_([this] { run(); }) {}

RepeatedTask::~RepeatedTask() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void RepeatedTask::run() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, interval_, [this] { return ends_; })) {
    lock.unlock();
    task_();
    lock.lock();
  }
}

}  // namespace sotto::host
