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
using RoundId = StrongId<struct RoundIdTag, std::uint64_t>;    // counts from 1 within a task
using CohortId = StrongId<struct CohortIdTag, std::uint32_t>;  // counts from 0 within a round
// Counts from 0 (initial) within a task.
using ModelVersion = StrongId<struct ModelVersionTag, std::uint64_t>;
using CallId = StrongId<struct CallIdTag, std::uint64_t>;  // one pending call of a transport
// Position in a cohort's roster, 0 .. cohort size - 1.
using ParticipantIndex = StrongId<struct ParticipantIndexTag, std::uint16_t>;
// 16 random bytes that name one device's session with the coordinator.
using SessionToken = StrongId<struct SessionTokenTag, std::array<std::uint8_t, 16>>;

}  // namespace sotto
