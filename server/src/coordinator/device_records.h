// What the coordinator remembers of single devices, in memory: when each was seen last, how its last session
// ended, and how often in a row it has failed. A device that fails again and again is given no plan for a
// while that doubles each time, so that it neither sinks rounds nor keeps others from their places. The first
// failure costs nothing, and good work wipes out all of them.
//
// Bounded: those that were seen longest ago are forgotten first, and devices that have shown an identity are
// kept apart from whoever only has a name, which anybody can make up. A restart forgets everything.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "coordinator/visit_table.h"
#include "sotto/base/clock.h"

namespace sotto::server {

struct DeviceRecord {
  enum class Outcome : std::uint8_t {
    kNone,     // no session of it has ended yet
    kCounted,  // its vector is in a sum
    kLeft,     // it said that it leaves, before its vector was in a sum
    kRefused,  // it broke the protocol
    kSilent,   // it did not join, or did not answer a step, in time
  };

  Visitor visitor;  // as it checked in last
  Time last_seen;
  Outcome last_outcome = Outcome::kNone;
  std::string reason;          // of its last failure: printable, at most limits::kDeviceReasonBytesMax bytes
  std::uint64_t failures = 0;  // since it was seen first
  std::uint32_t failures_in_a_row = 0;
  std::uint32_t clones = 0;  // how often another device was seen to go by its identity or name
  Time last_failure = kNever;
  Time plan_from = Time{0};  // it is given no plan before
};

class DeviceRecords {
 public:
  // Failures are forgotten after this much time without another one.
  static constexpr std::chrono::milliseconds kForgiven{3'600'000};
  static constexpr std::chrono::milliseconds kLongestWait{300'000};
  static constexpr std::size_t kTurnedAwayMax = 1024;
  static constexpr std::chrono::milliseconds kTurnedAwayShown{86'400'000};

  // `first_wait`: after the second failure in a row; zero: nobody waits. At most `max` of each kind are kept.
  DeviceRecords(std::chrono::milliseconds first_wait, std::size_t max) : first_wait_(first_wait), max_(max) {}

  void seen(const Visitor& visitor, Time now);
  void counted(const Visitor& visitor, Time now);
  void failed(const Visitor& visitor, DeviceRecord::Outcome how, std::string_view reason, Time now);
  // It was taken for silent and answers after all: that was no failure.
  void turned_up(const Visitor& visitor, Time now);
  void forget(const Visitor& visitor);
  // Its signature was not accepted: nothing of what it shows is proven. Few are kept, apart from all others.
  void turned_away(const Visitor& visitor, std::string reason, Time now);
  // Another device goes by its identity, or its name.
  void cloned(const Visitor& visitor, Time now);
  // Those that have shown an identity first, and each kind from those seen last on.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const DeviceRecord& record : enrolled_.records) visit(record);
    for (const DeviceRecord& record : named_.records) visit(record);
  }
  // Those that were turned away within a day, and were not let in since.
  template <typename Visit>
  void for_each_turned_away(Time now, const Visit& visit) const {
    for (const DeviceRecord& record : away_.records) {
      const DeviceRecord* known = find(record.visitor);
      const bool is_in = known != nullptr && known->last_seen > record.last_seen;
      if (!is_in && now - record.last_seen < kTurnedAwayShown) visit(record);
    }
  }
  // nullptr when nothing is known of it.
  [[nodiscard]] const DeviceRecord* find(const Visitor& visitor) const;
  // The record of a device that is to be given no plan now; nullptr when it may have one.
  [[nodiscard]] const DeviceRecord* waits(const Visitor& visitor, Time now) const;

 private:
  struct Kind {
    std::list<DeviceRecord> records{};  // seen last first
    std::unordered_map<DeviceKey, std::list<DeviceRecord>::iterator> by_key{};
  };
  [[nodiscard]] DeviceRecord& touch(const Visitor& visitor, Time now);
  [[nodiscard]] static DeviceRecord& touch(Kind& kind, std::size_t max, const Visitor& visitor, Time now);
  [[nodiscard]] Time plan_from(const DeviceRecord& record) const;

  const std::chrono::milliseconds first_wait_;
  const std::size_t max_;
  Kind enrolled_;
  Kind named_;
  Kind away_;
};

// What a device says of itself, as it is shown to people: printable ASCII, other bytes become '?', no more
// than limits::kDeviceReasonBytesMax bytes.
[[nodiscard]] std::string shown_reason(std::string_view reason);

}  // namespace sotto::server
