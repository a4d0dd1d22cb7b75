// Who gets in: room for those who hold a session or a pass, little for everybody else.
#include "door/doorkeeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <queue>
#include <thread>

namespace sotto::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Time kStart{1'000'000};

NetworkAddress address(const char* text) { return parse_network_address(text).value(); }
Caller from(const char* text) { return {.group = address_group(address(text))}; }
SessionToken token(std::uint64_t number) {
  SessionToken made;
  store_le(made.value.data(), number);
  return made;
}
Time after(std::int64_t ms) { return {kStart.ms + ms}; }

class DoorkeeperTest : public ::testing::Test {
 protected:
  static DoorLimits small_limits() {
    DoorLimits limits;
    limits.stranger_calls = {.per_second = 10, .burst = 20};
    limits.message_bytes_max = 1 << 20;
    limits.connection_bytes_max = (1 << 20) + (1 << 18);
    limits.bytes_max = 4 << 20;
    limits.strangers_bytes_max = 64 * 1024;
    limits.strangers_of_address_bytes_max = 16 * 1024;
    limits.stranger_message_bytes_max = 8 * 1024;
    limits.pass_bytes_max = 8 * 1024;
    limits.sessions_max = 4;
    return limits;
  }
  static Knock stranger(const char* text = "192.0.2.1", std::size_t bytes = 100) {
    return {.method = Method::kCheckIn, .bytes = bytes, .connection = text, .caller = from(text)};
  }
  static Knock device(std::uint64_t number, std::size_t bytes = 100, Method method = Method::kExchange) {
    return {.method = method,
            .bytes = bytes,
            .connection = "device",
            .caller = from("192.0.2.1"),
            .token = token(number)};
  }

  // What it is turned away for; nothing when it got in, for as long as the test lasts.
  std::optional<AwayReason> refusal(const Knock& knock, Time now = kStart) {
    auto admitted = door.admit(knock, now);
    if (auto* refused = std::get_if<Refusal>(&admitted)) {
      EXPECT_EQ(refused->status.code(), StatusCode::kResourceExhausted);
      EXPECT_FALSE(refused->status.message().empty());
      return refused->reason;
    }
    tickets.push_back(std::move(std::get<Ticket>(admitted)));
    return std::nullopt;
  }
  bool admitted(const Knock& knock, Time now = kStart) { return !refusal(knock, now).has_value(); }
  std::size_t admitted_of(std::size_t count, const Knock& knock, Time now = kStart) {
    std::size_t in = 0;
    for (std::size_t i = 0; i < count; ++i) in += admitted(knock, now) ? 1 : 0;
    return in;
  }
  void expect_empty() {
    tickets.clear();
    const Doorkeeper::Occupancy left = door.occupancy();
    EXPECT_EQ(left.bytes, 0u);
    EXPECT_EQ(left.strangers_bytes, 0u);
    EXPECT_EQ(left.connections, 0u);
    EXPECT_EQ(left.holders, 0u);
    EXPECT_EQ(left.stranger_addresses, 0u);
  }

  Doorkeeper door{small_limits(), [](Bytes pass) { return bytes_text(pass) == "a valid pass"; }};
  std::deque<Ticket> tickets;  // before `door` ends
};

// ---- rates ----

TEST_F(DoorkeeperTest, LetsAnAddressCallAsOftenAsItMayAndNoOftener) {
  EXPECT_EQ(admitted_of(16, stranger("192.0.2.1", 0)), 16u);
  tickets.clear();
  EXPECT_EQ(admitted_of(10, stranger("192.0.2.1", 0)), 4u);
  EXPECT_EQ(refusal(stranger()), AwayReason::kTooOften);
  EXPECT_EQ(admitted_of(10, stranger("192.0.2.2", 0)), 10u) << "another address has its own";
  tickets.clear();
  EXPECT_EQ(refusal(stranger(), after(99)), AwayReason::kTooOften);
  EXPECT_TRUE(admitted(stranger(), after(100)));
  EXPECT_EQ(refusal(stranger(), after(100)), AwayReason::kTooOften);
}

TEST_F(DoorkeeperTest, CountsAnIpv6CustomerAsOneAddress) {
  for (int i = 0; i < 20; ++i) {
    tickets.clear();
    EXPECT_TRUE(admitted(stranger(("2001:db8::" + std::to_string(i)).c_str())));
  }
  EXPECT_EQ(refusal(stranger("2001:db8::ffff")), AwayReason::kTooOften);
  EXPECT_TRUE(admitted(stranger("2001:db8:0:1::1")));
}

TEST_F(DoorkeeperTest, NeverLimitsHowOftenASessionAPassOrAGatewayCalls) {
  door.session_begins(token(7), 1000, kStart);
  Knock pass = stranger();
  const std::string text = "a valid pass";
  pass.pass = text_bytes(text);
  Knock gateway = stranger();
  gateway.caller.gateway = true;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(admitted(device(7)));
    EXPECT_TRUE(admitted(pass));
    EXPECT_TRUE(admitted(gateway));
    tickets.clear();
  }
  EXPECT_TRUE(admitted(stranger())) << "nothing of that was counted for the address";
  const std::string forged = "another pass";
  pass.pass = text_bytes(forged);
  tickets.clear();
  std::size_t in = 0;
  for (int i = 0; i < 100; ++i) {
    in += admitted(pass) ? 1 : 0;
    tickets.clear();
  }
  EXPECT_EQ(in, 19u);
}

TEST_F(DoorkeeperTest, APassThatTheCoordinatorRefusesIsAStrangers) {
  const std::string text = "a valid pass";
  Knock knock = stranger();
  knock.pass = text_bytes(text);
  door.pass_refused(text_bytes(text));
  door.pass_refused(text_bytes(text));
  std::size_t in = 0;
  for (int i = 0; i < 100; ++i) {
    in += admitted(knock) ? 1 : 0;
    tickets.clear();
  }
  EXPECT_EQ(in, 20u);
  for (std::size_t i = 0; i < Doorkeeper::kRefusedPassesMax; ++i) {
    door.pass_refused(text_bytes("pass " + std::to_string(i)));
  }
  EXPECT_TRUE(admitted(knock)) << "the first is forgotten: memory is bounded";
}

TEST_F(DoorkeeperTest, TakesAPassForCheckInsOnly) {
  const std::string text = "a valid pass";
  Knock fetch = stranger();
  fetch.method = Method::kFetchModel;
  fetch.pass = text_bytes(text);
  std::size_t in = 0;
  for (int i = 0; i < 100; ++i) {
    in += admitted(fetch) ? 1 : 0;
    tickets.clear();
  }
  EXPECT_EQ(in, 20u);
}

// Whoever is turned away comes back after the wait that it is told; each device calls twice, once to be given
// a challenge and once with its answer.
TEST_F(DoorkeeperTest, APieceOfAnUpdateIsCountedByWhatIsAnsweredWithIt) {
  Knock fetch = stranger();
  fetch.method = Method::kFetchUpdate;
  EXPECT_EQ(refusal(fetch), AwayReason::kStrangersOfAddress) << "16 KB of room, and a piece has 32";
  DoorLimits limits = small_limits();
  limits.strangers_of_address_bytes_max = 64 * 1024;
  limits.strangers_bytes_max = 128 * 1024;
  limits.pass_bytes_max = 64 * 1024;
  Doorkeeper roomy(limits, [](Bytes pass) { return pass.size() == 3; });
  auto one = roomy.admit(fetch, kStart);
  EXPECT_TRUE(std::holds_alternative<Ticket>(one));
  auto two = roomy.admit(fetch, kStart);
  EXPECT_TRUE(std::holds_alternative<Refusal>(two));
  const std::vector<std::uint8_t> pass{1, 2, 3};
  fetch.pass = pass;
  auto holder = roomy.admit(fetch, kStart);
  EXPECT_TRUE(std::holds_alternative<Ticket>(holder)) << "a pass has room of its own";
  auto twice = roomy.admit(fetch, kStart);
  EXPECT_TRUE(std::holds_alternative<Refusal>(twice));
}

TEST(DoorkeeperCrowd, AFactoryOfAThousandBehindOneAddressIsInWithinHalfAMinute) {
  Doorkeeper door(DoorLimits{}, {});
  struct Call {
    std::int64_t at_ms;
    int device;
    int done;
    bool operator<(const Call& other) const { return at_ms > other.at_ms; }
  };
  std::priority_queue<Call> calls;
  for (int i = 0; i < 1000; ++i) calls.push({0, i, 0});
  std::uint64_t draw = 88'172'645'463'325'252;
  std::int64_t last_ms = 0;
  while (!calls.empty()) {
    Call call = calls.top();
    calls.pop();
    const auto admitted = door.admit({.caller = from("198.51.100.7")}, after(call.at_ms));
    if (const auto* refused = std::get_if<Refusal>(&admitted)) {
      draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
      const std::int64_t wait = refused->wait.count();
      calls.push(
          {call.at_ms + 1000 + wait + static_cast<std::int64_t>(draw % (wait + 1)), call.device, call.done});
    } else if (call.done == 0) {
      calls.push({call.at_ms + 50, call.device, 1});
    } else {
      last_ms = std::max(last_ms, call.at_ms);
    }
  }
  EXPECT_LT(last_ms, 30'000);
  EXPECT_GT(last_ms, 9'000) << "2,000 calls, of which 1,000 at once and 100 a second";
  RecordProperty("last_device_in_ms", static_cast<int>(last_ms));
}

// ---- bytes ----

TEST_F(DoorkeeperTest, BoundsEachMethodsMessages) {
  for (const Method method : {Method::kCheckIn, Method::kFetchModel, Method::kAbandon}) {
    Knock knock = stranger("192.0.2.9", limits::kSmallRequestBytesMax + 1);
    knock.method = method;
    EXPECT_EQ(refusal(knock), AwayReason::kMessageTooLarge);
    knock.bytes = limits::kSmallRequestBytesMax;
    EXPECT_TRUE(admitted(knock));
    tickets.clear();
  }
  door.session_begins(token(1), 1 << 20, kStart);
  EXPECT_EQ(refusal(device(1, (1 << 20) + 1)), AwayReason::kMessageTooLarge);
  EXPECT_TRUE(admitted(device(1, 1 << 20)));
}

TEST_F(DoorkeeperTest, BoundsASessionsMessagesByItsPlan) {
  door.session_begins(token(1), 5000, kStart);
  EXPECT_EQ(refusal(device(1, 5001)), AwayReason::kMessageTooLarge);
  EXPECT_TRUE(admitted(device(1, 5000)));
}

TEST_F(DoorkeeperTest, AnswersALargeMessageWithoutASessionUnread) {
  EXPECT_EQ(refusal(device(99, 8 * 1024 + 1)), AwayReason::kNoSession);
  EXPECT_TRUE(admitted(device(99, 8 * 1024)));
  Knock nameless = device(99, 8 * 1024 + 1);
  nameless.token.reset();
  EXPECT_EQ(refusal(nameless), AwayReason::kNoSession);
}

TEST_F(DoorkeeperTest, BoundsWhatASessionHasUnderWay) {
  door.session_begins(token(1), 100'000, kStart);
  // Twice its largest message, and as many pieces of the model.
  const std::size_t in = admitted_of(100, device(1, 100'000));
  EXPECT_EQ(in, 2 * (100'000 + limits::kModelChunkBytes) / (100'000 + Doorkeeper::kCallBytes));
  EXPECT_EQ(refusal(device(1, 100'000)), AwayReason::kHolder);
  tickets.pop_front();
  EXPECT_TRUE(admitted(device(1, 100'000)));
  door.session_begins(token(2), 100'000, kStart);
  Knock other = device(2, 100'000);
  other.connection = "another";
  EXPECT_TRUE(admitted(other)) << "another session has its own";
}

TEST_F(DoorkeeperTest, BoundsWhatAPassHasUnderWay) {
  const std::string text = "a valid pass";
  Knock knock = stranger("192.0.2.1", 1000);
  knock.pass = text_bytes(text);
  EXPECT_EQ(admitted_of(100, knock), 4u);
  EXPECT_EQ(refusal(knock), AwayReason::kHolder);
}

TEST_F(DoorkeeperTest, BoundsWhatAConnectionHasUnderWay) {
  for (std::uint64_t i = 0; i < 2; ++i) door.session_begins(token(i), 1 << 20, kStart);
  EXPECT_TRUE(admitted(device(0, 1 << 20)));
  EXPECT_EQ(refusal(device(1, 1 << 20)), AwayReason::kConnection);
  Knock other = device(1, 1 << 20);
  other.connection = "another";
  EXPECT_TRUE(admitted(other));
  other.caller.shared_connection = true;
  EXPECT_TRUE(admitted(other)) << "a proxy's connection carries many devices";
}

TEST_F(DoorkeeperTest, BoundsEverythingTogether) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    door.session_begins(token(i), 1 << 20, kStart);
    Knock knock = device(i, 1 << 20);
    const std::string name = "connection " + std::to_string(i);
    knock.connection = name;
    EXPECT_EQ(refusal(knock), i < 3 ? std::nullopt : std::optional(AwayReason::kAll)) << i;
  }
  EXPECT_TRUE(admitted(stranger("192.0.2.77"))) << "a small one still fits";
}

TEST_F(DoorkeeperTest, StrangersNeverTakeTheRoomOfSessions) {
  door.session_begins(token(1), 100'000, kStart);
  std::size_t in = 0;
  for (int address = 1; address < 250; ++address) {
    const std::string text = "198.51.100." + std::to_string(address);
    in += admitted_of(15, stranger(text.c_str(), 3000));
  }
  EXPECT_EQ(in, 64 * 1024 / (3000 + Doorkeeper::kCallBytes));
  EXPECT_EQ(refusal(stranger("203.0.113.1", 3000)), AwayReason::kStrangers);
  EXPECT_TRUE(admitted(device(1, 100'000)));
  expect_empty();
}

TEST_F(DoorkeeperTest, OneAddressDoesNotTakeTheRoomOfAllStrangers) {
  EXPECT_EQ(admitted_of(10, stranger("192.0.2.1", 4000)), 3u);
  EXPECT_EQ(refusal(stranger("192.0.2.1", 4000)), AwayReason::kStrangersOfAddress);
  EXPECT_TRUE(admitted(stranger("192.0.2.2", 4000)));
  Knock gateway = stranger("192.0.2.1", 4000);
  gateway.caller.gateway = true;
  EXPECT_TRUE(admitted(gateway));
}

// ---- tickets ----

TEST_F(DoorkeeperTest, ATicketGivesItsRoomBackOnceHoweverItIsMoved) {
  auto admitted = door.admit(stranger("192.0.2.1", 1000), kStart);
  Ticket ticket = std::move(std::get<Ticket>(admitted));
  EXPECT_EQ(door.occupancy().bytes, 1000 + Doorkeeper::kCallBytes);
  EXPECT_EQ(door.occupancy().stranger_addresses, 1u);
  Ticket moved(std::move(ticket));
  ticket = Ticket();
  EXPECT_EQ(door.occupancy().bytes, 1000 + Doorkeeper::kCallBytes);
  moved = Ticket();
  EXPECT_EQ(door.occupancy().bytes, 0u);
  moved = Ticket();
  expect_empty();
}

TEST_F(DoorkeeperTest, ATicketOutlivesTheSessionThatItWasGivenFor) {
  door.session_begins(token(1), 1000, kStart);
  EXPECT_TRUE(admitted(device(1)));
  door.session_unknown(token(1));
  EXPECT_EQ(door.occupancy().holders, 1u);
  door.session_begins(token(1), 1000, kStart);
  EXPECT_TRUE(admitted(device(1)));
  expect_empty();
}

TEST_F(DoorkeeperTest, IsAskedByManyThreadsAtOnce) {
  for (std::uint64_t i = 0; i < 4; ++i) door.session_begins(token(i), 1000, kStart);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 2000; ++round) {
        const auto one = door.admit(device(i), after(round));
        const auto two = door.admit(stranger(), after(round));
        EXPECT_TRUE(std::holds_alternative<Ticket>(one));
        if (round % 100 == 0) static_cast<void>(door.report(after(round)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  expect_empty();
}

TEST_F(DoorkeeperTest, ABoundedNumberOfStrangersWaitsToBeToldThatItIsTurnedAway) {
  DoorLimits limits = small_limits();
  limits.held_max = 2;
  Doorkeeper strict(limits, {});
  strict.session_begins(token(1), 1000, kStart);
  const auto away = [&](const Knock& knock) {
    auto admitted = strict.admit(knock, kStart);
    return std::move(std::get<Refusal>(admitted));
  };
  const Knock large = stranger("192.0.2.1", 5000);
  Refusal one = away(large);
  EXPECT_EQ(one.hold, limits.hold);
  {
    const Refusal two = away(large);
    EXPECT_EQ(strict.occupancy().held, 2u);
    EXPECT_EQ(away(large).hold.count(), 0) << "told at once";
    EXPECT_EQ(strict.occupancy().held, 2u);
  }
  EXPECT_EQ(away(large).hold, limits.hold);
  EXPECT_EQ(away(device(1, 2000)).hold.count(), 0) << "a session's device is told at once";
  Knock proxied = large;
  proxied.caller.shared_connection = true;
  EXPECT_EQ(away(proxied).hold.count(), 0) << "others share its connection";
  one = Refusal();
  EXPECT_EQ(strict.occupancy().held, 0u);
}

// ---- sessions ----

TEST_F(DoorkeeperTest, KnowsASessionUntilAWhileAfterItsEnd) {
  const auto known = [&](std::int64_t at_ms) {
    const bool in = refusal(device(1, 9000), after(at_ms)) != AwayReason::kNoSession;
    tickets.clear();
    return in;
  };
  EXPECT_FALSE(known(0));
  door.session_begins(token(1), 10'000, kStart);
  EXPECT_TRUE(known(0));
  door.session_ended(token(1), after(1000));
  door.session_ended(token(1), after(50'000));  // again: its first end counts
  EXPECT_TRUE(known(1000 + Doorkeeper::kEndedMs - 1));
  EXPECT_FALSE(known(1000 + Doorkeeper::kEndedMs));
  EXPECT_EQ(door.occupancy().sessions, 0u);
  door.session_begins(token(1), 10'000, after(200'000));
  EXPECT_TRUE(known(200'000));
  door.session_unknown(token(1));
  EXPECT_FALSE(known(200'000));
  door.session_unknown(token(1));
  door.session_ended(token(1), after(200'000));
  EXPECT_EQ(door.occupancy().sessions, 0u);
}

TEST_F(DoorkeeperTest, ForgetsASessionThatNobodyUsesForLongerThanARoundLasts) {
  door.session_begins(token(1), 10'000, kStart);
  door.session_begins(token(2), 10'000, kStart);
  EXPECT_TRUE(admitted(device(1, 9000), after(1000)));
  static_cast<void>(door.report(after(Doorkeeper::kSessionIdleMs)));
  EXPECT_EQ(door.occupancy().sessions, 1u);
  static_cast<void>(door.report(after(Doorkeeper::kSessionIdleMs + 1000)));
  EXPECT_EQ(door.occupancy().sessions, 0u);
}

TEST_F(DoorkeeperTest, KeepsABoundedNumberOfSessionsAndDropsEndedOnesFirst) {
  for (std::uint64_t i = 0; i < 4; ++i) door.session_begins(token(i), 10'000, kStart);
  EXPECT_TRUE(admitted(device(0, 9000)));  // used last
  door.session_ended(token(3), kStart);
  door.session_begins(token(4), 10'000, kStart);
  EXPECT_EQ(door.occupancy().sessions, 4u);
  EXPECT_EQ(refusal(device(3, 9000)), AwayReason::kNoSession);
  door.session_begins(token(5), 10'000, kStart);
  EXPECT_EQ(door.occupancy().sessions, 4u);
  EXPECT_EQ(refusal(device(1, 9000)), AwayReason::kNoSession) << "the one longest unused";
  for (const std::uint64_t kept : {0, 2, 4, 5}) EXPECT_TRUE(admitted(device(kept, 9000))) << kept;
}

// ---- what the operator is told ----

TEST_F(DoorkeeperTest, TellsOfEachReasonOnceAnInterval) {
  for (int i = 0; i < 30; ++i) {
    tickets.clear();
    static_cast<void>(refusal(stranger("198.51.100.7")));
  }
  static_cast<void>(refusal(stranger("192.0.2.1", 5000)));
  EXPECT_TRUE(door.report(after(999)).empty()) << "it has just begun";
  const auto lines = door.report(after(1000));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].level, hosting::Notice::Level::kWarning);
  EXPECT_THAT(lines[0].text, HasSubstr("turned away 10 calls that show no session in 1 s, 10 of them from "
                                       "198.51.100.7: their addresses made more than --calls-per-second"));
  EXPECT_THAT(lines[1].text, AllOf(HasSubstr("turned away 1 calls in 1 s, 1 of them from 192.0.2.1"),
                                   HasSubstr("larger than any of a device")));
  EXPECT_TRUE(door.report(after(2000)).empty());
  door.count(AwayReason::kMessageTooLarge, address("192.0.2.1"), after(3000));
  EXPECT_TRUE(door.report(after(60'999)).empty());
  EXPECT_EQ(door.report(after(61'000)).size(), 1u);
}

TEST_F(DoorkeeperTest, TakesANewLimitOnCallsWhileItWorks) {
  door.limit_stranger_calls({.per_second = 1, .burst = 2});
  EXPECT_EQ(admitted_of(10, stranger("192.0.2.1", 0)), 2u);
  EXPECT_EQ(admitted_of(10, stranger("192.0.2.1", 0), after(1000)), 1u);
}

}  // namespace
}  // namespace sotto::server
