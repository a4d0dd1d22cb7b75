#include "sotto/hosting/notice.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sotto::hosting {
namespace {

TEST(OneAtATime, PassesEveryNoticeOnInTurn) {
  std::vector<std::string> texts;  // which two threads at once would break
  const NoticeSink sink = one_at_a_time([&](const Notice& notice) { texts.push_back(notice.text); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = sink] {
      for (int k = 0; k < 1000; ++k)
        copy({Notice::Level::kInfo, "a text that is longer than a short string is"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(texts.size(), 4000u);
}

TEST(OneAtATime, IsEmptyWhenTheSinkIs) { EXPECT_FALSE(one_at_a_time({})); }

}  // namespace
}  // namespace sotto::hosting
