// The devices between check-in and the end of their round, by token and by who they are. A visit that has
// ended is kept for a while so that a device that lost the last answer gets it when it repeats its call.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/messages.h"
#include "sotto/server/cohort_messages.h"

namespace sotto::server {

// Who a device is: its identity, when it has shown one, and else what it calls itself. As text that is never
// the same for both.
using DeviceKey = std::string;

struct Visitor {
  std::string device_id;  // what it calls itself: a label for people
  std::optional<crypto::Digest> identity{};
  std::string peer{};     // where its check-in came from, for people
  std::string address{};  // ... and of whom, as the door counts callers

  [[nodiscard]] DeviceKey key() const;
};

struct Visit {
  enum class Stage : std::uint8_t {
    kTraining,      // was given a plan
    kVerifying,     // has joined, and what it signed is being verified
    kContributing,  // its one-shot message is with the cohort, which has not said yet whether it takes it
    kJoined,        // READY, waits for its cohort
    kInCohort,
    kEnded,
  };

  SessionToken token;
  Visitor visitor;
  DeviceKey key;  // of the visitor
  TaskId task;
  RoundId round;
  Stage stage = Stage::kTraining;
  std::vector<std::uint8_t> join_payload;  // kVerifying, kJoined
  std::uint32_t verified_edition = 0;      // of the bulletin by which what it signed holds
  CohortId cohort;                         // kContributing, kInCohort
  Seat seat;                               // kContributing, kInCohort
  std::optional<CallId> held;              // the call that waits for an answer
  bool asking = false;                     // the cohort was asked what to answer `held`
  bool overdue = false;                    // ... and the time to hold the call ran out meanwhile
  proto::ExchangeReply end;                // kEnded: the answer to every further call
  Time round_issued{0};                    // when its round's first plan was given
  bool place_given_on = false;             // it trains for so long that another may have its place
  bool taken_for_silent = false;           // kEnded, because it had not joined in time
  std::string replaced_from{};             // kEnded, because the device checked in anew: where that came from

  [[nodiscard]] const std::string& device_id() const { return visitor.device_id; }
};

class VisitTable {
 public:
  // Ended visits are forgotten after this.
  static constexpr std::chrono::milliseconds kEndedKept{60'000};

  // A new visit under a fresh random token. Requires that the device has no live one.
  Visit& create(Random& random, const Visitor& visitor, TaskId task, RoundId round);
  // Live or ended; nullptr for a token never given or forgotten.
  [[nodiscard]] Visit* find(const SessionToken& token);
  // The device's visit that has not ended; nullptr when there is none.
  [[nodiscard]] Visit* live_visit_of(const DeviceKey& key);
  // Of those that call themselves so the one that came last, if that has not ended.
  [[nodiscard]] Visit* live_visit_labelled(const std::string& device_id);
  // Requires a live visit.
  void end(Visit& visit, proto::ExchangeReply reply, Time now);
  // Forgets ended visits whose time has passed; with `all`, every ended visit.
  void forget_ended(Time now, bool all = false);
  // Calls visit(const Visit&) with each that has not ended, in no order.
  template <typename Each>
  void for_each_live(Each&& visit) const {
    for (const auto& [key, token] : live_) visit(*visits_.at(token));
  }
  [[nodiscard]] std::size_t size() const { return visits_.size(); }

 private:
  // Tokens are random: any eight of their bytes are a hash.
  struct TokenHash {
    std::size_t operator()(const SessionToken& token) const {
      return static_cast<std::size_t>(load_le<std::uint64_t>(token.value.data()));
    }
  };

  std::unordered_map<SessionToken, std::unique_ptr<Visit>, TokenHash> visits_;
  std::unordered_map<DeviceKey, SessionToken> live_;
  std::unordered_map<std::string, SessionToken> labelled_;  // the newest live one with each label
  std::deque<std::pair<Time, SessionToken>> ended_;         // oldest first
};

}  // namespace sotto::server
