// What the door tells the operator: for each reason, how many were turned away, and who comes first. A line
// soon after it begins, then one for each interval, however many there are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "door/network_address.h"
#include "sotto/base/clock.h"
#include "sotto/hosting/notice.h"

namespace sotto::server {

enum class AwayReason : std::uint8_t {
  kTooOften,            // an address's rate of calls without a session
  kStrangersOfAddress,  // bytes in flight without a session, of an address
  kStrangers,           // the same of all addresses
  kMessageTooLarge,     // for the method, or for the session's plan
  kNoSession,           // a large message of a session that is not one
  kConnection,          // bytes in flight of a connection
  kHolder,              // bytes in flight of a session or pass
  kAll,                 // bytes in flight altogether
  kConnections,         // connections of an address: how often, or how many
  kConnectionsOfAll,    // connections altogether: descriptors
};
inline constexpr std::size_t kAwayReasons = 10;

// The addresses that come up most often, in bounded memory (Misra and Gries 1982): the count of one is low
// by at most the total divided by kKept + 1.
class FrequentAddresses {
 public:
  void add(const NetworkAddress& group);
  struct Entry {
    NetworkAddress group{};
    std::uint64_t count = 0;
  };
  [[nodiscard]] Entry first() const;  // a count of 0: there is none
  void clear() { entries_.clear(); }

  static constexpr std::size_t kKept = 31;

 private:
  std::vector<Entry> entries_;
};

// Not thread-safe.
class TurnedAway {
 public:
  explicit TurnedAway(std::int64_t interval_ms) : interval_ms_(interval_ms) {}

  void count(AwayReason reason, const NetworkAddress& group, Time now);
  // The lines that are due.
  [[nodiscard]] std::vector<hosting::Notice> report(Time now);

  // Until the first line: long enough that it has a count worth reading.
  static constexpr std::int64_t kFirstLineMs = 1000;

 private:
  struct Kind {
    std::uint64_t count = 0;  // since the last line
    FrequentAddresses addresses{};
    Time since{};       // the first of them
    Time not_before{};  // no line before this
  };
  const std::int64_t interval_ms_;
  std::array<Kind, kAwayReasons> kinds_{};
};

}  // namespace sotto::server
