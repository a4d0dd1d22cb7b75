// The gateway's core with real boards' ends of links, on a line that loses, repeats and damages frames.
#include "sotto/client/gateway.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sotto/crypto/primitives.h"
#include "sotto/proto/link_board.h"
#include "sotto/proto/link_codec.h"

namespace sotto::client {
namespace {

using proto::LinkBoard;
using Buffer = std::vector<std::uint8_t>;

SessionToken token(std::uint8_t byte) {
  SessionToken made;
  made.value.fill(byte);
  return made;
}

Buffer exchange(std::uint8_t who, std::size_t payload) {
  return proto::encode_link_call(proto::ExchangeRequest{
      .token = token(who), .step = proto::Step::kCollect, .payload = Buffer(payload, who)});
}

// The coordinator's part: answers with as many bytes as it was sent, and the sender's mark.
Reply echo(const Request& request) {
  const auto& exchange = std::get<proto::ExchangeRequest>(request);
  return Reply(proto::ExchangeReply(proto::NextStep{proto::Step::kConfirm, exchange.payload}));
}

// What a line does to the frames of one direction.
using Fate = std::function<void(Buffer& frame, std::deque<Buffer>& line)>;
void faithful(Buffer& frame, std::deque<Buffer>& line) { line.push_back(frame); }

struct Fleet {
  explicit Fleet(const GatewayLimits& limits)
      : made_with(limits), gateway(std::make_unique<Gateway>(limits)) {}

  // Carries what the boards have to say, once each, and lets `ms` pass.
  void turn(std::vector<LinkBoard*> boards, std::uint32_t ms) {
    now += ms;
    for (LinkId id = 0; id < boards.size(); ++id) {
      Buffer frame(proto::kLinkEncodedBytesMax);
      while (const std::size_t size = boards[id]->next(frame, now)) {
        Buffer sent(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
        std::deque<Buffer> up;
        fate(sent, up);
        for (const Buffer& bytes : up) perform(gateway->received(id, bytes));
      }
      while (!down[id].empty()) {
        for (const std::uint8_t byte : down[id].front()) boards[id]->take(byte, now);
        down[id].pop_front();
      }
    }
  }

  void perform(Gateway::Actions actions) {
    for (Gateway::Action& action : actions) {
      if (auto* send = std::get_if<Gateway::Send>(&action)) {
        fate(send->bytes, down[send->link]);
      } else if (auto* call = std::get_if<Gateway::Call>(&action)) {
        calls.push_back(*call);
      } else {
        cancelled.push_back(std::get<Gateway::Cancel>(action).number);
      }
    }
  }

  void answer_all() {
    std::vector<Gateway::Call> now_answered;
    now_answered.swap(calls);
    answered += now_answered.size();
    for (const Gateway::Call& call : now_answered) {
      perform(gateway->answered(call.link, call.number, echo(call.request)));
    }
  }

  void restart(std::size_t links) {
    gateway = std::make_unique<Gateway>(made_with);
    calls.clear();
    for (LinkId id = 0; id < links; ++id) EXPECT_TRUE(gateway->open(id));
  }

  GatewayLimits made_with;
  std::unique_ptr<Gateway> gateway;
  Fate fate = faithful;
  std::map<LinkId, std::deque<Buffer>> down;
  std::vector<Gateway::Call> calls;
  std::vector<std::uint64_t> cancelled;
  std::size_t answered = 0;
  std::uint32_t now = 0xffff'f000;  // so that the clock wraps
};

// Runs one board's call to its end; what was read.
std::string carry(Fleet& fleet, LinkBoard& board, Bytes call, Buffer& room) {
  board.call(call, room, fleet.now);
  for (int turn = 0; turn < 3000 && !board.over(); ++turn) {
    fleet.turn({&board}, 100);
    fleet.answer_all();
  }
  if (board.state() != LinkBoard::State::kDone) return "failed " + std::to_string(int(board.failure()));
  const auto reply = proto::decode_link_answer(Bytes(room).first(board.read_bytes()));
  if (!reply) return reply.error().message();
  const auto& next = std::get<proto::NextStep>(std::get<proto::ExchangeReply>(*reply));
  const bool same =
      std::all_of(next.payload.begin(), next.payload.end(), [](auto byte) { return byte == 7; });
  return std::to_string(next.payload.size()) + (same ? " of its own" : " of another's");
}

TEST(Gateway, CarriesACallAndItsAnswerInPieces) {
  for (const std::size_t payload : {0u, 1u, 1000u, 1024u, 20'000u}) {
    Fleet fleet({});
    ASSERT_TRUE(fleet.gateway->open(0));
    LinkBoard board({});
    Buffer room(30'000);
    EXPECT_EQ(carry(fleet, board, exchange(7, payload), room), std::to_string(payload) + " of its own");
    EXPECT_EQ(fleet.answered, 1u);
    EXPECT_TRUE(fleet.gateway->idle());
  }
}

TEST(Gateway, ASmallBoardReadsAnAnswerInPasses) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({.payload_bytes_max = 64});
  const Buffer call = exchange(7, 5000);
  Buffer room(300);
  board.call(call, room, fleet.now);
  const auto run = [&] {
    while (!board.over()) {
      fleet.turn({&board}, 10);
      fleet.answer_all();
    }
    ASSERT_EQ(board.state(), LinkBoard::State::kDone);
  };
  run();
  for (int pass = 0; pass < 2; ++pass) {
    Buffer whole;
    while (whole.size() < board.total_bytes()) {
      board.read(static_cast<std::uint32_t>(whole.size()), room, fleet.now);
      run();
      whole.insert(whole.end(), room.begin(), room.begin() + board.read_bytes());
    }
    EXPECT_TRUE(proto::decode_link_answer(whole));
    EXPECT_EQ(whole.size(), board.total_bytes());
  }
  EXPECT_EQ(fleet.answered, 1u) << "the coordinator was asked once";
}

TEST(Gateway, ALineThatLosesRepeatsAndDamagesFramesCostsTimeOnly) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    crypto::SeededRandom random(seed);
    Fleet fleet({});
    ASSERT_TRUE(fleet.gateway->open(0));
    std::deque<Buffer> old;
    fleet.fate = [&](Buffer& frame, std::deque<Buffer>& line) {
      old.push_back(frame);
      if (old.size() > 8) old.pop_front();
      switch (random.below(8)) {
        case 0:
          return;  // lost
        case 1:
          frame[random.below(frame.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
          break;
        case 2:
          line.push_back(old[random.below(old.size())]);  // again, or out of order
          break;
        default:
          break;
      }
      line.push_back(frame);
    };
    LinkBoard board({.repeat_ms = 500});
    for (int call = 0; call < 3; ++call) {
      Buffer room(10'000);
      EXPECT_EQ(carry(fleet, board, exchange(7, 9000), room), "9000 of its own") << "seed " << seed;
    }
  }
}

TEST(Gateway, ABoardRepeatsItsCallToAGatewayThatHasForgottenIt) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({});
  const Buffer call = exchange(7, 5000);
  Buffer room(10'000);
  board.call(call, room, fleet.now);
  while (fleet.calls.empty()) fleet.turn({&board}, 10);
  fleet.restart(1);  // with the call at the coordinator
  EXPECT_EQ(board.state(), LinkBoard::State::kReading);
  for (int turn = 0; turn < 1000 && !board.over(); ++turn) {
    fleet.turn({&board}, 100);
    fleet.answer_all();
  }
  EXPECT_EQ(board.state(), LinkBoard::State::kDone);
  EXPECT_EQ(fleet.answered, 1u);
}

TEST(Gateway, ABoardThatStartsAnewLeavesItsCallBehind) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard before({.first_call = 1000});
  const Buffer call = exchange(7, 10);
  Buffer room(1000);
  before.call(call, room, fleet.now);
  while (fleet.calls.empty()) fleet.turn({&before}, 10);
  LinkBoard after({.first_call = 5});  // even with a number that was used before
  after.call(call, room, fleet.now);
  while (fleet.calls.size() < 2) fleet.turn({&after}, 10);
  EXPECT_EQ(fleet.cancelled, std::vector<std::uint64_t>{1});
  fleet.perform(fleet.gateway->answered(0, 1, echo(fleet.calls[0].request)));  // too late: passed over
  fleet.turn({&after}, 10);
  EXPECT_FALSE(after.over());
  fleet.answer_all();
  fleet.turn({&after}, 10);
  EXPECT_EQ(after.state(), LinkBoard::State::kDone);
}

TEST(Gateway, NoMoreCallsThanAgreedAreAtTheCoordinatorAndAllGetTheirTurn) {
  Fleet fleet({.calls_max = 2});
  std::deque<LinkBoard> boards;
  std::vector<Buffer> rooms(5, Buffer(1000));
  std::vector<LinkBoard*> all;
  const Buffer call = exchange(7, 100);
  for (LinkId id = 0; id < 5; ++id) {
    ASSERT_TRUE(fleet.gateway->open(id));
    boards.emplace_back(proto::LinkBoardOptions{});
    boards[id].call(call, rooms[id], fleet.now);
    all.push_back(&boards[id]);
  }
  for (int turn = 0; turn < 5; ++turn) fleet.turn(all, 10);
  EXPECT_EQ(fleet.calls.size(), 2u);
  fleet.perform(fleet.gateway->close(fleet.calls[0].link));  // makes room, as an answer does
  EXPECT_EQ(fleet.calls.size(), 3u);
  for (int turn = 0; turn < 10; ++turn) {
    fleet.answer_all();
    fleet.turn(all, 10);
  }
  for (const LinkBoard& board : boards) {
    EXPECT_TRUE(board.state() == LinkBoard::State::kDone || &board == &boards[0]);
  }
}

TEST(Gateway, RefusesWhatIsBeyondItsBounds) {
  Fleet fleet({.links_max = 2, .message_bytes_max = 5000, .memory_bytes_max = 6000});
  ASSERT_TRUE(fleet.gateway->open(0));
  ASSERT_TRUE(fleet.gateway->open(1));
  EXPECT_FALSE(fleet.gateway->open(2));
  LinkBoard large({}), first({}), second({});
  Buffer room(10'000);
  EXPECT_EQ(carry(fleet, large, exchange(7, 5000), room),
            "failed " + std::to_string(int(LinkBoard::Failure::kTooLarge)));
  const Buffer call = exchange(7, 4000);
  first.call(call, room, fleet.now);
  while (fleet.calls.empty()) fleet.turn({&first}, 10);
  second.call(call, room, fleet.now);
  for (int turn = 0; turn < 20 && !second.over(); ++turn) fleet.turn({&first, &second}, 10);
  EXPECT_EQ(second.failure(), LinkBoard::Failure::kBusy);
  EXPECT_GE(fleet.gateway->counts().refused, 1u);
}

TEST(Gateway, AnAnswerThatDoesNotFitIsAFailureInWords) {
  Fleet fleet({.message_bytes_max = 5000});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({});
  Buffer room(1000);
  const Buffer call = exchange(7, 1);
  board.call(call, room, fleet.now);
  while (fleet.calls.empty()) fleet.turn({&board}, 10);
  const proto::ModelChunk chunk{6000, 0, Buffer(6000)};
  fleet.perform(fleet.gateway->answered(0, fleet.calls[0].number, Reply(chunk)));
  while (!board.over()) fleet.turn({&board}, 10);
  const auto reply = proto::decode_link_answer(Bytes(room).first(board.read_bytes()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), StatusCode::kResourceExhausted);
}

TEST(Gateway, WhatIsNoCallIsAnsweredAndGoesNowhere) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({});
  Buffer room(1000);
  EXPECT_NE(carry(fleet, board, Buffer{9, 9, 9}, room).find("does not decode"), std::string::npos);
  EXPECT_EQ(fleet.answered, 0u);
  EXPECT_EQ(fleet.gateway->counts().unread, 1u);
}

TEST(Gateway, WhileItDrainsItTakesNoNewCallAndFinishesTheOthers) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  ASSERT_TRUE(fleet.gateway->open(1));
  LinkBoard under_way({}), late({});
  const Buffer call = exchange(7, 100);
  Buffer room(1000), other_room(1000);
  under_way.call(call, room, fleet.now);
  while (fleet.calls.empty()) fleet.turn({&under_way}, 10);
  fleet.gateway->drain();
  EXPECT_FALSE(fleet.gateway->idle());
  late.call(call, other_room, fleet.now);
  fleet.answer_all();
  for (int turn = 0; turn < 5; ++turn) fleet.turn({&under_way, &late}, 10);
  EXPECT_EQ(under_way.state(), LinkBoard::State::kDone);
  EXPECT_EQ(late.failure(), LinkBoard::Failure::kBusy);
  EXPECT_TRUE(fleet.gateway->idle());
}

TEST(Gateway, ANumberThatSomebodyForgedDoesNotShutTheBoardOut) {
  Fleet fleet({});
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({});
  Buffer room(1000);
  EXPECT_EQ(carry(fleet, board, exchange(7, 10), room), "10 of its own");
  Buffer frame(proto::kLinkEncodedBytesMax);
  const Buffer body{5, 0, 0, 0, 0, 0, 0, 0, 1};  // the first of five bytes
  frame.resize(proto::encode_link_frame({.kind = proto::LinkKind::kPart, .call = 500, .body = body}, frame));
  fleet.perform(fleet.gateway->received(0, frame));
  EXPECT_EQ(carry(fleet, board, exchange(7, 10), room), "10 of its own");
}

TEST(Gateway, ASilentGatewayEndsABoardsPatience) {
  Fleet fleet({});
  fleet.fate = [](Buffer&, std::deque<Buffer>&) {};
  ASSERT_TRUE(fleet.gateway->open(0));
  LinkBoard board({.repeat_ms = 100, .patience_ms = 5000});
  Buffer room(100);
  EXPECT_EQ(carry(fleet, board, exchange(7, 10), room),
            "failed " + std::to_string(int(LinkBoard::Failure::kSilent)));
}

}  // namespace
}  // namespace sotto::client
