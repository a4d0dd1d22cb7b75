#include "sotto/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sotto {
namespace {

std::unique_ptr<Executor> make_executor(std::size_t threads) {
  if (threads == 0) return std::make_unique<InlineExecutor>();
  return make_thread_pool(threads);
}

class EveryExecutor : public ::testing::TestWithParam<std::size_t> {};

TEST_P(EveryExecutor, RunsEachIndexExactlyOnce) {
  const auto executor = make_executor(GetParam());
  for (const std::size_t count : {0u, 1u, 2u, 3u, 1000u}) {
    std::vector<std::atomic<int>> runs(count);
    executor->parallel_for(count, [&](std::size_t i) { runs.at(i).fetch_add(1); });
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(runs[i].load(), 1) << "index " << i << " of " << count;
  }
}

TEST_P(EveryExecutor, HasFinishedEverythingWhenItReturns) {
  const auto executor = make_executor(GetParam());
  for (int loop = 0; loop < 200; ++loop) {
    std::vector<int> plain(17, 0);  // not atomic: the return itself must publish the writes
    executor->parallel_for(plain.size(), [&](std::size_t i) { plain[i] = loop + static_cast<int>(i); });
    for (std::size_t i = 0; i < plain.size(); ++i) ASSERT_EQ(plain[i], loop + static_cast<int>(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, EveryExecutor, ::testing::Values(0, 1, 2, 7));

TEST(ThreadPool, ServesConcurrentCallersEachWithItsOwnLoop) {
  const auto pool = make_thread_pool(3);
  constexpr std::size_t kCallers = 4;
  constexpr std::size_t kLoops = 50;
  constexpr std::size_t kCount = 33;
  std::array<std::size_t, kCallers> sums{};
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t loop = 0; loop < kLoops; ++loop) {
        std::atomic<std::size_t> sum = 0;
        pool->parallel_for(kCount, [&](std::size_t i) { sum += i + caller; });
        sums[caller] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::size_t caller = 0; caller < kCallers; ++caller) {
    EXPECT_EQ(sums[caller], kLoops * (kCount * (kCount - 1) / 2 + kCount * caller));
  }
}

TEST(ThreadPool, CountsTheCallingThread) {
  EXPECT_EQ(make_thread_pool(3)->thread_count(), 3u);
  EXPECT_EQ(make_thread_pool(1)->thread_count(), 1u);
  EXPECT_EQ(make_thread_pool(0)->thread_count(), 1u);
  EXPECT_EQ(InlineExecutor().thread_count(), 1u);
}

TEST(ThreadPool, StopsWithoutEverHavingWorked) {
  for (int i = 0; i < 20; ++i) {
    const auto pool = make_thread_pool(4);
    EXPECT_EQ(pool->thread_count(), 4u);
  }
}

}  // namespace
}  // namespace sotto
