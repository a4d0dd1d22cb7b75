// Identifiers and indices as distinct types: mixing two of them does not compile. Freestanding.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace sotto {

template <typename Tag, typename Representation>
struct StrongId {
  Representation value{};
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

using TaskId = StrongId<struct TaskIdTag, std::uint64_t>;
using RoundId = StrongId<struct RoundIdTag, std::uint64_t>;    // see RoundNumber; only grows within a task
using CohortId = StrongId<struct CohortIdTag, std::uint32_t>;  // counts from 0 within a round
// Counts from 0 (initial) within a task.
using ModelVersion = StrongId<struct ModelVersionTag, std::uint64_t>;
using CallId = StrongId<struct CallIdTag, std::uint64_t>;  // one pending call of a transport
// Position in a cohort's roster, 0 .. cohort size - 1.
using ParticipantIndex = StrongId<struct ParticipantIndexTag, std::uint16_t>;
// 16 random bytes that name one device's session with the coordinator.
using SessionToken = StrongId<struct SessionTokenTag, std::array<std::uint8_t, 16>>;

// A round's number in its two parts. Within a task no number is ever given twice, so that devices may refuse
// what is not above the last one they joined: the counter goes on over restarts, and the epoch is raised when
// a coordinator was set back to an older copy of its store and cannot know where the counter was.
struct RoundNumber {
  std::uint32_t epoch = 0;    // the high 24 bits
  std::uint64_t counter = 0;  // the low 40 bits; counts from 1 within an epoch
  friend constexpr auto operator<=>(const RoundNumber&, const RoundNumber&) = default;
};
inline constexpr int kRoundCounterBits = 40;
inline constexpr std::uint64_t kRoundCounterMax = (std::uint64_t{1} << kRoundCounterBits) - 1;
inline constexpr std::uint32_t kRoundEpochMax = (std::uint32_t{1} << (64 - kRoundCounterBits)) - 1;

[[nodiscard]] constexpr RoundNumber round_number(RoundId round) {
  return {.epoch = static_cast<std::uint32_t>(round.value >> kRoundCounterBits),
          .counter = round.value & kRoundCounterMax};
}
// Requires parts that fit their bits.
[[nodiscard]] constexpr RoundId round_id(RoundNumber number) {
  return RoundId{std::uint64_t{number.epoch} << kRoundCounterBits | number.counter};
}

}  // namespace sotto
