// Devices whose ledgers let nothing leave for a task, or whose owners' rules are against it, by what they
// said of themselves: they are given no plan that they would refuse, and the operator is told which they are.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "sotto/base/clock.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

class SpentDevices {
 public:
  // A device is believed for as long as this and then asked again: its owner may have allowed more.
  static constexpr std::chrono::milliseconds kBelieved{3'600'000};

  // While there is room: limits::kSpentDevicesMax.
  void note(const std::string& device_id, const proto::LedgerReport& report, ModelVersion model, Time now);
  // Why a plan for this version would be refused; nullptr when it would not, as far as is known.
  [[nodiscard]] const char* reason(const std::string& device_id, ModelVersion model, Time now) const;

  // Its owner's rules are against the task's plans. It is asked again after a minute, and after twice as long
  // each time that it still refuses, up to kBelieved. While there is room.
  void note_refusal(const std::string& device_id, const std::string& reason, Time now);
  // Why, in its own words, a plan of the task would be refused; nullptr when it may be asked.
  [[nodiscard]] const std::string* refusal(const std::string& device_id, Time now) const;
  // The task has changed.
  void forget_refusals() { refusing_.clear(); }

  struct Summary {
    std::uint32_t devices = 0;
    Time until = kNever;  // when the first of them is free; kNever: nobody knows
  };
  [[nodiscard]] Summary summary(ModelVersion model, Time now) const;

 private:
  struct Entry {
    proto::LedgerReport report;
    ModelVersion model;
    Time until;  // when it is asked again
  };
  [[nodiscard]] static bool holds(const Entry& entry, ModelVersion model, Time now);

  struct Refusing {
    std::string reason;
    std::uint32_t times = 0;
    Time until;
  };

  std::unordered_map<std::string, Entry> devices_;
  std::unordered_map<std::string, Refusing> refusing_;
};

}  // namespace sotto::server
