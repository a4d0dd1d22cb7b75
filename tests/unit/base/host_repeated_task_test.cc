#include "sotto/host/repeated_task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>

namespace sotto::host {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(RepeatedTask, RunsAgainAndAgainOnAThreadOfItsOwn) {
  std::promise<std::thread::id> third;
  int runs = 0;
  const RepeatedTask task(milliseconds(1), [&] {
    if (++runs == 3) third.set_value(std::this_thread::get_id());
  });
  EXPECT_NE(third.get_future().get(), std::this_thread::get_id());
}

TEST(RepeatedTask, WaitsForItsFirstIntervalAndNotForItsNextWhenItEnds) {
  std::atomic<int> runs = 0;
  for (const int patience : {0, 10, 100, 300}) {  // before and after its thread has begun to wait
    const RepeatedTask task(hours(1), [&] { ++runs; });
    for (int i = 0; i < patience; ++i) std::this_thread::yield();
  }
  EXPECT_EQ(runs, 0);
}

TEST(RepeatedTask, IsNotOverBeforeTheRunThatIsUnderWay) {
  std::promise<void> begun;
  std::promise<void> ending;
  std::atomic<bool> over = false;
  std::atomic<int> runs = 0;
  std::optional<RepeatedTask> task(std::in_place, milliseconds(1), [&] {
    if (++runs > 1) return;
    begun.set_value();
    ending.get_future().wait();
    over = true;
  });
  begun.get_future().wait();
  auto ended = std::async(std::launch::async, [&] { task.reset(); });
  EXPECT_EQ(ended.wait_for(milliseconds(0)), std::future_status::timeout);
  ending.set_value();
  ended.wait();
  EXPECT_TRUE(over);
}

}  // namespace
}  // namespace sotto::host
