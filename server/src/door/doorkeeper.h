// Who gets in before the coordinator looks: bounds on bytes under way and on how often an address knocks,
// applied to a call's raw bytes. A caller that shows a live session or a valid pass has room of its own;
// everybody else, the strangers, share a small room, so that they never take that of a fleet at work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "door/caller_address.h"
#include "door/rate_table.h"
#include "door/turned_away.h"
#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/limits.h"
#include "sotto/base/result.h"

namespace sotto::server {

enum class Method : std::uint8_t { kCheckIn, kFetchModel, kExchange, kAbandon, kOfferUpdate, kFetchUpdate };

// Whether its calls show a pass; those of the others show a session's token.
[[nodiscard]] constexpr bool shows_pass(Method method) {
  return method == Method::kCheckIn || method == Method::kOfferUpdate || method == Method::kFetchUpdate;
}

// What can be seen of a call from outside.
struct Knock {
  Method method = Method::kCheckIn;
  std::size_t bytes = 0;
  std::string_view connection{};  // gRPC's name of it
  Caller caller{};
  std::optional<SessionToken> token{};
  Bytes pass{};  // of a method that shows one; empty: none
};

struct DoorLimits {
  RateLimit stranger_calls{};
  std::size_t addresses_max = 65'536;  // that are remembered for it
  std::size_t message_bytes_max = limits::kMessageBytesMax;
  // A message that is larger and names no session is answered here, unread: the coordinator knows no more.
  std::size_t stranger_message_bytes_max = 64 * 1024;
  // Bytes received and not yet answered.
  std::size_t bytes_max = std::size_t{512} << 20;
  std::size_t connection_bytes_max = limits::kMessageBytesMax + (std::size_t{4} << 20);
  std::size_t strangers_bytes_max = std::size_t{16} << 20;
  std::size_t strangers_of_address_bytes_max = std::size_t{1} << 20;
  std::size_t pass_bytes_max = 64 * 1024;
  std::size_t sessions_max = limits::kSessionsMax;
  // How long a stranger waits for being told that it is turned away, so that a connection asks only so often:
  // an answer costs gRPC more than the door. Of more than `held_max` at a time others are told at once.
  std::chrono::milliseconds hold{2000};
  std::size_t held_max = 8192;
  std::int64_t log_interval_ms = 60'000;
};

class Doorkeeper;

// A call that was let in, or that waits outside. Gives its room back at the end of its life.
class Ticket {
 public:
  Ticket() = default;
  ~Ticket() { release(); }
  Ticket(Ticket&& other) noexcept { *this = std::move(other); }
  Ticket& operator=(Ticket&& other) noexcept;
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

 private:
  friend class Doorkeeper;
  void release();

  Doorkeeper* door_ = nullptr;
  std::size_t bytes_ = 0;
  std::string connection_{};                  // empty: not counted
  std::string holder_{};                      // the session's token or the pass; empty: a stranger
  std::optional<NetworkAddress> stranger_{};  // whose address is counted
  bool held_ = false;                         // turned away, and not told yet
};

struct Refusal {
  AwayReason reason = AwayReason::kAll;
  Status status{};  // kResourceExhausted, with a sentence for the device
  // It should stay away for at least so long, and come back spread over as much again.
  std::chrono::milliseconds wait{};
  // To be told after so long; the ticket is kept until then.
  std::chrono::milliseconds hold{};
  Ticket ticket{};
};

// Whether a pass is one of this coordinator's and not expired. Called on any thread, outside of any lock.
using PassCheck = std::function<bool(Bytes pass)>;

// Any thread. Must outlive its tickets.
class Doorkeeper {
 public:
  // An empty `valid_pass`: there are no passes.
  Doorkeeper(const DoorLimits& limits, PassCheck valid_pass);
  ~Doorkeeper();
  Doorkeeper(const Doorkeeper&) = delete;
  Doorkeeper& operator=(const Doorkeeper&) = delete;

  [[nodiscard]] std::variant<Ticket, Refusal> admit(const Knock& knock, Time now);

  // A device was given this token, and no message of its session is larger than that. One that was given
  // longest ago and not used since makes room for it.
  void session_begins(const SessionToken& token, std::size_t message_bytes_max, Time now);
  // The session is over: its last answer may be asked for again for kEndedMs.
  void session_ended(const SessionToken& token, Time now);
  // The coordinator does not know it.
  void session_unknown(const SessionToken& token);

  // The coordinator refuses whoever shows it: a stranger from then on, for as long as there is room to
  // remember it.
  void pass_refused(Bytes pass);

  // How often an address may call without a session or pass, from now on.
  void limit_stranger_calls(const RateLimit& limit);

  // For what is turned away elsewhere: connections.
  void count(AwayReason reason, const NetworkAddress& group, Time now);
  // What is to be logged now; to be asked every second or so.
  [[nodiscard]] std::vector<hosting::Notice> report(Time now);

  struct Occupancy {
    std::size_t bytes = 0;
    std::size_t held = 0;  // turned away, and not told yet
    std::size_t strangers_bytes = 0;
    std::size_t connections = 0;
    std::size_t holders = 0;
    std::size_t stranger_addresses = 0;
    std::size_t addresses_remembered = 0;
    std::size_t sessions = 0;
  };
  [[nodiscard]] Occupancy occupancy() const;

  static constexpr std::int64_t kEndedMs = 120'000;
  // A round's devices have report_within_ms, 32 bits of milliseconds, and then some phases.
  static constexpr std::int64_t kSessionIdleMs = std::int64_t{51} * 86'400'000;
  static constexpr std::size_t kRefusedPassesMax = 4096;
  // What a call costs whatever it says.
  static constexpr std::size_t kCallBytes = 1024;

 private:
  friend class Ticket;
  using Token = std::array<std::uint8_t, 16>;
  struct TokenHash {
    // Only tokens that the coordinator drew are kept, so nobody chooses which collide.
    std::size_t operator()(const Token& token) const { return load_le<std::uint64_t>(token.data()); }
  };
  struct Session {
    std::size_t message_bytes_max = 0;
    Time used{};
    bool ended = false;
    std::list<Token>::iterator place{};
  };
  using Sessions = std::unordered_map<Token, Session, TokenHash>;

  Session* find_live(const std::optional<SessionToken>& token, Time now);
  void forget(Sessions::iterator session);
  void forget_expired(Time now);
  std::variant<Ticket, Refusal> admit_holder(const Knock& knock, std::string holder, std::size_t bytes_max,
                                             Time now);
  std::variant<Ticket, Refusal> admit_stranger(const Knock& knock, Time now);
  // What keeps `charge` more bytes out, if anything does, of what is counted for everybody.
  std::optional<AwayReason> full_for(const Knock& knock, std::size_t charge) const;
  Ticket take_room(const Knock& knock, std::size_t charge);
  Refusal turn_away(AwayReason reason, const Knock& knock, Time now);
  // The same of a caller without a session or pass.
  Refusal turn_stranger_away(AwayReason reason, const Knock& knock, Time now);
  void release(Ticket& ticket);

  const DoorLimits limits_;
  const PassCheck valid_pass_;
  mutable std::mutex mutex_;
  // All below are guarded by `mutex_`. What is counted has an entry while something is under way, so
  // bytes_max and kCallBytes bound the number of entries.
  std::size_t bytes_ = 0;
  std::size_t strangers_bytes_ = 0;
  std::size_t held_ = 0;
  std::unordered_map<std::string, std::size_t> connections_;
  std::map<std::string, std::size_t> holders_;
  std::map<NetworkAddress, std::size_t> strangers_;
  RateTable calls_;
  Sessions sessions_;
  std::list<Token> live_;   // the one used last at the back
  std::list<Token> ended_;  // the one that ended last at the back
  std::set<std::string> refused_passes_;
  std::deque<std::string> refused_in_order_;  // the first of them at the front
  TurnedAway turned_away_;
};

}  // namespace sotto::server
