// What a device learned is in no memory that its session gives back.
#include <gtest/gtest.h>

#include <utility>

#include "session/saved_session.h"
#include "session_script.h"

#define SOTTO_FREED_MEMORY_HOOKS
#include "support/freed_memory.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::Step;

template <typename T>
std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return {bytes, bytes + values.size() * sizeof(T)};
}

// The values that the session of a device that has joined keeps until they are sent, a lane each.
std::vector<std::uint8_t> lanes_of(const SessionScript& script) {
  const auto saved = decode_saved_session(script.session.save());
  EXPECT_TRUE(saved.has_value());
  return {saved->content.begin() + secagg::kMetricLanes, saved->content.end()};
}

// A search that finds nothing has to have found something once.
TEST(SessionSecrets, AreFoundInMemoryThatIsGivenBackAsItIs) {
  const std::vector<std::uint8_t> secret = bytes_of(good_update().delta);
  const FreedMemory freed(secret);
  { const LocalUpdate forgotten = good_update(); }
  EXPECT_GT(freed.blocks_with_secrets(), 0u);
}

TEST(SessionSecrets, TheTrainedDeltaIsWipedOnceItIsQuantised) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.download();
  const std::vector<std::uint8_t> secret = bytes_of(good_update().delta);
  Result<LocalUpdate> update = good_update();
  const FreedMemory freed(secret);
  (void)script.session.on_trained(std::move(update), script.now);
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

TEST(SessionSecrets, ADeltaThatIsRefusedIsWipedToo) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.download();
  Result<LocalUpdate> update = good_update();
  update->metrics.examples = 0;
  const std::vector<std::uint8_t> secret = bytes_of(update->delta);
  const FreedMemory freed(secret);
  (void)script.session.on_trained(std::move(update), script.now);
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

TEST(SessionSecrets, LanesAreWipedWhenTheSessionEndsBeforeTheyAreSent) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.join();
  const std::vector<std::uint8_t> secret = lanes_of(script);
  const FreedMemory freed(secret);
  (void)script.exchange_reply(proto::SessionEnd{false, "the round went on", kWindow});
  { const Session ended = std::move(script.session); }
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

TEST(SessionSecrets, LanesAreWipedOnceTheyAreSent) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.join();
  const std::vector<std::uint8_t> secret = lanes_of(script);
  const FreedMemory freed(secret);
  (void)script.exchange_reply(proto::NextStep{Step::kCollect, {}});
  { const Session ended = std::move(script.session); }
  EXPECT_EQ(freed.blocks_with_secrets(), 0u) << "what was sent is in words, two bytes a lane";
}

TEST(SessionSecrets, ASavedSessionLeavesNoCopyBehind) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.join();
  const std::vector<std::uint8_t> secret = lanes_of(script);
  std::vector<std::uint8_t> saved = script.session.save();
  SessionScript restored(script.task, script.options);
  const FreedMemory freed(secret);
  const std::vector<std::uint8_t> again = script.session.save();
  EXPECT_TRUE(restored.session.restore(saved, script.now).has_value());
  { const Session ended = std::move(restored.session); }
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

}  // namespace
}  // namespace sotto::client
