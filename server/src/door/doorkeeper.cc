#include "door/doorkeeper.h"

#include <fmt/core.h>

#include <utility>

#include "sotto/base/check.h"

namespace sotto::server {
namespace {

std::size_t message_bytes_max(const DoorLimits& limits, Method method) {
  return method == Method::kExchange ? limits.message_bytes_max : limits::kSmallRequestBytesMax;
}

// What is answered with a piece of a model.
std::size_t answer_bytes(Method method) {
  if (method == Method::kFetchModel) return limits::kModelChunkBytes;
  return method == Method::kFetchUpdate ? limits::kUpdateChunkBytes : 0;
}

template <typename Map, typename Key>
std::size_t counted(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

template <typename Map, typename Key>
void give_back(Map& map, const Key& key, std::size_t bytes) {
  const auto found = map.find(key);
  SOTTO_CHECK(found != map.end() && found->second >= bytes);
  if ((found->second -= bytes) == 0) map.erase(found);
}

std::string holder_name(Bytes bytes) { return std::string(bytes_text(bytes)); }

std::string sentence(AwayReason reason, const Knock& knock) {
  switch (reason) {
    case AwayReason::kTooOften:
      return "too many calls without a session come from this address: try again later";
    case AwayReason::kStrangersOfAddress:
      return "too many calls without a session are open from this address: try again in a few seconds";
    case AwayReason::kStrangers:
      return "too many calls without a session are open: try again in a few seconds";
    case AwayReason::kMessageTooLarge:
      return fmt::format(
          "a message of {} bytes is larger than any that its method or its session's plan knows",
          knock.bytes);
    case AwayReason::kNoSession:
      return "the session is unknown: check in again";
    case AwayReason::kConnection:
      return "too many bytes are under way on this connection: wait for an answer first";
    case AwayReason::kHolder:
      return "too many bytes are under way in this session: wait for an answer first";
    case AwayReason::kAll:
      return "the coordinator is overloaded: try again in a few seconds";
    case AwayReason::kConnections:
    case AwayReason::kConnectionsOfAll:
      return "too many connections";
  }
  return {};
}

}  // namespace

void Ticket::release() {
  if (door_ != nullptr) std::exchange(door_, nullptr)->release(*this);
}

Ticket& Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  release();
  door_ = std::exchange(other.door_, nullptr);
  bytes_ = other.bytes_;
  connection_ = std::move(other.connection_);
  holder_ = std::move(other.holder_);
  stranger_ = other.stranger_;
  held_ = other.held_;
  return *this;
}

Doorkeeper::Doorkeeper(const DoorLimits& limits, PassCheck valid_pass)
    : limits_(limits),
      valid_pass_(std::move(valid_pass)),
      calls_(limits.stranger_calls, limits.addresses_max),
      turned_away_(limits.log_interval_ms) {}

Doorkeeper::~Doorkeeper() { SOTTO_CHECK(bytes_ == 0 && held_ == 0); }

std::variant<Ticket, Refusal> Doorkeeper::admit(const Knock& knock, Time now) {
  const bool pass = shows_pass(knock.method) && !knock.pass.empty() && valid_pass_ && valid_pass_(knock.pass);
  const std::lock_guard lock(mutex_);
  if (knock.bytes > message_bytes_max(limits_, knock.method)) {
    return turn_stranger_away(AwayReason::kMessageTooLarge, knock, now);
  }
  if (pass && !refused_passes_.contains(holder_name(knock.pass))) {
    return admit_holder(knock, holder_name(knock.pass), limits_.pass_bytes_max, now);
  }
  const Session* session = find_live(knock.token, now);
  if (session == nullptr) return admit_stranger(knock, now);
  if (knock.bytes > session->message_bytes_max) return turn_away(AwayReason::kMessageTooLarge, knock, now);
  // Two: a device that lost its connection sends again while the first is still thought to be under way.
  return admit_holder(knock, holder_name(knock.token->value),
                      2 * (session->message_bytes_max + limits::kModelChunkBytes), now);
}

std::optional<AwayReason> Doorkeeper::full_for(const Knock& knock, std::size_t charge) const {
  if (bytes_ + charge > limits_.bytes_max) return AwayReason::kAll;
  if (!knock.caller.shared_connection &&
      counted(connections_, std::string(knock.connection)) + charge > limits_.connection_bytes_max) {
    return AwayReason::kConnection;
  }
  return std::nullopt;
}

std::variant<Ticket, Refusal> Doorkeeper::admit_holder(const Knock& knock, std::string holder,
                                                       std::size_t bytes_max, Time now) {
  const std::size_t answer = answer_bytes(knock.method);
  const std::size_t charge = knock.bytes + kCallBytes + answer;
  if (const auto full = full_for(knock, charge)) return turn_away(*full, knock, now);
  if (counted(holders_, holder) + charge > bytes_max + kCallBytes) {
    return turn_away(AwayReason::kHolder, knock, now);
  }
  Ticket ticket = take_room(knock, charge);
  holders_[holder] += charge;
  ticket.holder_ = std::move(holder);
  return ticket;
}

std::variant<Ticket, Refusal> Doorkeeper::admit_stranger(const Knock& knock, Time now) {
  if (!knock.caller.gateway && !calls_.take(knock.caller.group, now)) {
    return turn_stranger_away(AwayReason::kTooOften, knock, now);
  }
  if (knock.bytes > limits_.stranger_message_bytes_max)
    return turn_stranger_away(AwayReason::kNoSession, knock, now);
  // Of a model's piece only who holds a session gets any; of an update's, a stranger may.
  const std::size_t answer = knock.method == Method::kFetchUpdate ? answer_bytes(knock.method) : 0;
  const std::size_t charge = knock.bytes + kCallBytes + answer;
  if (const auto full = full_for(knock, charge)) return turn_stranger_away(*full, knock, now);
  if (strangers_bytes_ + charge > limits_.strangers_bytes_max) {
    return turn_stranger_away(AwayReason::kStrangers, knock, now);
  }
  const std::size_t of_address = counted(strangers_, knock.caller.group);
  if (!knock.caller.gateway && of_address + charge > limits_.strangers_of_address_bytes_max) {
    return turn_stranger_away(AwayReason::kStrangersOfAddress, knock, now);
  }
  Ticket ticket = take_room(knock, charge);
  strangers_bytes_ += charge;
  strangers_[knock.caller.group] += charge;
  ticket.stranger_ = knock.caller.group;
  return ticket;
}

Ticket Doorkeeper::take_room(const Knock& knock, std::size_t charge) {
  Ticket ticket;
  ticket.door_ = this;
  ticket.bytes_ = charge;
  bytes_ += charge;
  if (!knock.caller.shared_connection) {
    ticket.connection_ = knock.connection;
    connections_[ticket.connection_] += charge;
  }
  return ticket;
}

void Doorkeeper::release(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (ticket.held_) --held_;
  bytes_ -= ticket.bytes_;
  if (!ticket.connection_.empty()) give_back(connections_, ticket.connection_, ticket.bytes_);
  if (!ticket.holder_.empty()) give_back(holders_, ticket.holder_, ticket.bytes_);
  if (!ticket.stranger_) return;
  strangers_bytes_ -= ticket.bytes_;
  give_back(strangers_, *ticket.stranger_, ticket.bytes_);
}

Refusal Doorkeeper::turn_away(AwayReason reason, const Knock& knock, Time now) {
  turned_away_.count(reason, knock.caller.group, now);
  Refusal refusal;
  refusal.reason = reason;
  refusal.status = Status(StatusCode::kResourceExhausted, sentence(reason, knock));
  if (reason == AwayReason::kTooOften) refusal.wait = calls_.wait(knock.caller.group);
  return refusal;
}

// Calls of a proxy's connection or of a gateway share it with others, whom this would keep waiting.
Refusal Doorkeeper::turn_stranger_away(AwayReason reason, const Knock& knock, Time now) {
  Refusal refusal = turn_away(reason, knock, now);
  if (knock.caller.shared_connection || knock.caller.gateway || held_ >= limits_.held_max) return refusal;
  ++held_;
  refusal.hold = limits_.hold;
  refusal.ticket.door_ = this;
  refusal.ticket.held_ = true;
  return refusal;
}

Doorkeeper::Session* Doorkeeper::find_live(const std::optional<SessionToken>& token, Time now) {
  if (!token) return nullptr;
  forget_expired(now);
  const auto found = sessions_.find(token->value);
  if (found == sessions_.end()) return nullptr;
  Session& session = found->second;
  if (!session.ended) {
    session.used = now;
    live_.splice(live_.end(), live_, session.place);
  }
  return &session;
}

void Doorkeeper::forget(Sessions::iterator session) {
  (session->second.ended ? ended_ : live_).erase(session->second.place);
  sessions_.erase(session);
}

void Doorkeeper::forget_expired(Time now) {
  const auto expired = [&](const std::list<Token>& list, std::int64_t after_ms) {
    return !list.empty() && now.ms - sessions_.at(list.front()).used.ms >= after_ms;
  };
  while (expired(ended_, kEndedMs)) forget(sessions_.find(ended_.front()));
  while (expired(live_, kSessionIdleMs)) forget(sessions_.find(live_.front()));
}

void Doorkeeper::session_begins(const SessionToken& token, std::size_t message_bytes_max, Time now) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  if (const auto again = sessions_.find(token.value); again != sessions_.end()) forget(again);
  if (sessions_.size() >= limits_.sessions_max) {
    forget(sessions_.find(ended_.empty() ? live_.front() : ended_.front()));
  }
  live_.push_back(token.value);
  sessions_[token.value] = {
      .message_bytes_max = message_bytes_max, .used = now, .place = std::prev(live_.end())};
}

void Doorkeeper::session_ended(const SessionToken& token, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(token.value);
  if (found == sessions_.end() || found->second.ended) return;
  found->second.ended = true;
  found->second.used = now;
  ended_.splice(ended_.end(), live_, found->second.place);
}

void Doorkeeper::session_unknown(const SessionToken& token) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(token.value); found != sessions_.end()) forget(found);
}

void Doorkeeper::pass_refused(Bytes pass) {
  const std::lock_guard lock(mutex_);
  if (!refused_passes_.insert(holder_name(pass)).second) return;
  refused_in_order_.push_back(holder_name(pass));
  if (refused_in_order_.size() <= kRefusedPassesMax) return;
  refused_passes_.erase(refused_in_order_.front());
  refused_in_order_.pop_front();
}

void Doorkeeper::limit_stranger_calls(const RateLimit& limit) {
  const std::lock_guard lock(mutex_);
  calls_.set_limit(limit);
}

void Doorkeeper::count(AwayReason reason, const NetworkAddress& group, Time now) {
  const std::lock_guard lock(mutex_);
  turned_away_.count(reason, group, now);
}

std::vector<hosting::Notice> Doorkeeper::report(Time now) {
  const std::lock_guard lock(mutex_);
  forget_expired(now);
  return turned_away_.report(now);
}

Doorkeeper::Occupancy Doorkeeper::occupancy() const {
  const std::lock_guard lock(mutex_);
  return {.bytes = bytes_,
          .held = held_,
          .strangers_bytes = strangers_bytes_,
          .connections = connections_.size(),
          .holders = holders_.size(),
          .stranger_addresses = strangers_.size(),
          .addresses_remembered = calls_.size(),
          .sessions = sessions_.size()};
}

}  // namespace sotto::server
