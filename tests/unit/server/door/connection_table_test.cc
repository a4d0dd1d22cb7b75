#include "door/connection_table.h"

#include <gtest/gtest.h>

#include <set>

namespace sotto::server {
namespace {

Caller caller(std::uint8_t last) {
  Caller made;
  made.group.bytes[15] = last;
  return made;
}

class ConnectionTableTest : public ::testing::Test {
 protected:
  // Nothing when it was let in, as `descriptor` if given, else as a new one.
  std::optional<AwayReason> connect(const Caller& from, std::int64_t at_ms, int descriptor = -1) {
    if (const auto refused = table.refuse(from, Time{at_ms})) return refused;
    const Connection made{descriptor < 0 ? next_descriptor++ : descriptor, next_inode++};
    open.insert({made.descriptor, made.inode});
    table.add(made, from.group);
    return std::nullopt;
  }
  void close(int descriptor) {
    std::erase_if(open, [&](const auto& each) { return each.first == descriptor; });
  }

  std::set<std::pair<int, std::uint64_t>> open;
  int looks = 0;
  int next_descriptor = 10;
  std::uint64_t next_inode = 100;
  ConnectionTable table{{.rate = {.per_second = 10, .burst = 100}, .of_address_max = 3, .all_max = 5},
                        [this](const Connection& each) {
                          return ++looks, open.contains({each.descriptor, each.inode});
                        }};
};

TEST_F(ConnectionTableTest, BoundsThoseOfAnAddress) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  EXPECT_EQ(connect(caller(1), 1000), AwayReason::kConnections);
  EXPECT_EQ(connect(caller(2), 1000), std::nullopt);
}

TEST_F(ConnectionTableTest, NoticesWhatWasClosedWhenABoundIsReached) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  close(11);
  EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  EXPECT_EQ(table.size(), 3u);
  close(10);
  EXPECT_EQ(connect(caller(1), 1000 + ConnectionTable::kLookMs - 1), AwayReason::kConnections)
      << "it has just been looked at";
  EXPECT_EQ(connect(caller(1), 1000 + ConnectionTable::kLookMs), std::nullopt);
}

TEST_F(ConnectionTableTest, AnAddressWhoseConnectionsAreAllClosedBeginsAnew) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  open.clear();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  EXPECT_EQ(table.size(), 3u);
}

TEST_F(ConnectionTableTest, ADescriptorThatIsUsedAgainIsAnotherConnection) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  close(10);
  EXPECT_EQ(connect(caller(2), 1000, 10), std::nullopt);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(connect(caller(1), 1000), std::nullopt) << "without a look";
  EXPECT_EQ(looks, 0);
}

TEST_F(ConnectionTableTest, BoundsAllTogetherAlsoThoseOfGateways) {
  Caller gateway = caller(1);
  gateway.gateway = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(connect(gateway, 1000), std::nullopt);
  EXPECT_EQ(connect(gateway, 1000), AwayReason::kConnectionsOfAll);
  EXPECT_EQ(connect(caller(2), 1000), AwayReason::kConnectionsOfAll);
  const int looked = looks;
  EXPECT_EQ(connect(gateway, 1001), AwayReason::kConnectionsOfAll);
  EXPECT_EQ(looks, looked) << "not all of them for each that is refused";
  open.clear();
  EXPECT_EQ(connect(gateway, 2000), std::nullopt);
  EXPECT_EQ(table.size(), 1u);
}

TEST_F(ConnectionTableTest, BoundsHowOftenAnAddressConnects) {
  int in = 0;
  for (int i = 0; i < 200; ++i) {
    in += connect(caller(1), 1000 + 300 * (i / 3)) == std::nullopt ? 1 : 0;
    open.clear();
  }
  // 100 at once, ten a second for the 19.8 s.
  EXPECT_GE(in, 198);
  ConnectionTable strict({.rate = {.per_second = 10, .burst = 2}}, [](const Connection&) { return false; });
  EXPECT_EQ(strict.refuse(caller(1), Time{0}), std::nullopt);
  EXPECT_EQ(strict.refuse(caller(1), Time{0}), std::nullopt);
  EXPECT_EQ(strict.refuse(caller(1), Time{99}), AwayReason::kConnections);
  EXPECT_EQ(strict.refuse(caller(1), Time{200}), std::nullopt);
  Caller proxy = caller(1);
  proxy.shared_connection = true;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(strict.refuse(proxy, Time{200}), std::nullopt);
}

TEST_F(ConnectionTableTest, ANewBoundLeavesThoseThatAreOpen) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(caller(1), 1000), std::nullopt);
  table.limit_addresses({.per_second = 10, .burst = 100}, 2);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(connect(caller(1), 2000), AwayReason::kConnections);
  table.limit_addresses({.per_second = 10, .burst = 100}, 4);
  EXPECT_EQ(connect(caller(1), 3000), std::nullopt);
}

}  // namespace
}  // namespace sotto::server
