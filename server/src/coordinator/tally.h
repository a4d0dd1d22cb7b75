// How many calls of devices had which answer: for one line in the log that says what goes on, about once a
// minute while devices call.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/round.h"
#include "sotto/base/clock.h"
#include "sotto/base/status.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

class Tally {
 public:
  static constexpr std::int64_t kIntervalMs = 60'000;

  void count(const proto::CheckInReply& answer, Time now);
  void count(const proto::ExchangeReply& answer, Time now);
  void count(const proto::ModelChunk& answer, Time now);
  void count(const Status& answer, Time now);  // of any call

  // "in 60 s: 40 plans given, 1160 devices told to wait, 812 steps answered; refused: 2 bad signature", once
  // a minute is over in which there was an answer; counting begins anew. nullopt otherwise.
  [[nodiscard]] std::optional<std::string> report(Time now);

 private:
  void begin(Time now);

  std::optional<Time> since_{};  // of the first answer that is counted
  std::uint64_t plans_ = 0;
  std::uint64_t waits_ = 0;
  std::uint64_t challenges_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t chunks_ = 0;
  RefusalCounts refusals_{};
  std::array<std::uint64_t, static_cast<std::size_t>(StatusCode::kIo) + 1> errors_{};
};

}  // namespace sotto::server
