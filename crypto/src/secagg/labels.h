// The labels that separate the protocol's hashes, derivations and signatures (PROTOCOL.md sections 6 and 9).
// Each ends in a zero byte, so no label is the beginning of another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"

namespace sotto::secagg::labels {

template <std::size_t Count>
consteval std::array<std::uint8_t, Count> label(const char (&text)[Count]) {
  std::array<std::uint8_t, Count> bytes{};
  for (std::size_t i = 0; i < Count; ++i) bytes[i] = static_cast<std::uint8_t>(text[i]);
  return bytes;
}

inline constexpr auto kMaskKey = label("sotto/v2 mask key");
inline constexpr auto kRoster = label("sotto/v2 roster");
inline constexpr auto kGraph = label("sotto/v2 graph");
inline constexpr auto kTranscript = label("sotto/v2 transcript");
inline constexpr auto kPair = label("sotto/v2 pair");
inline constexpr auto kPairTag = label("sotto/v2 pair tag");
inline constexpr auto kSelf = label("sotto/v2 self");
inline constexpr auto kShare = label("sotto/v2 share");
inline constexpr auto kCommit = label("sotto/v2 commit");
inline constexpr auto kDevice = label("sotto/v2 device");
inline constexpr auto kCoordinator = label("sotto/v2 coordinator");
inline constexpr auto kName = label("sotto/v2 name");
inline constexpr auto kRotation = label("sotto/v2 rotation");
inline constexpr auto kBulletin = label("sotto/v2 bulletin");
inline constexpr auto kJoin = label("sotto/v2 join");
inline constexpr auto kSurvivors = label("sotto/v2 survivors");
inline constexpr auto kIdentityTags = label("sotto/v2 identity tags");  // what it keys never leaves a device
// Nor does what this names.
inline constexpr auto kVerified = label("sotto/v2 verified");
inline constexpr auto kCheckIn = label("sotto/v2 check-in");
inline constexpr auto kUpdate = label("sotto/v2 update");
inline constexpr auto kPlan = label("sotto/v2 plan");
inline constexpr auto kOneShot = label("sotto/v2 one-shot");
inline constexpr auto kOneShotSeed = label("sotto/v2 one-shot seed");
inline constexpr auto kOneShotMask = label("sotto/v2 one-shot mask");
inline constexpr auto kOneShotVector = label("sotto/v2 one-shot vector");
inline constexpr auto kOneShotSet = label("sotto/v2 one-shot set");
inline constexpr auto kOneShotCheck = label("sotto/v2 one-shot check");
inline constexpr auto kOneShotRequest = label("sotto/v2 one-shot request");

// label || one u16 per index: the info of a key derivation.
template <std::size_t Count, typename... Indices>
std::array<std::uint8_t, Count + 2 * sizeof...(Indices)> with_indices(
    const std::array<std::uint8_t, Count>& label, Indices... indices) {
  std::array<std::uint8_t, Count + 2 * sizeof...(Indices)> bytes;
  ByteWriter writer(bytes);
  writer.bytes(label);
  (writer.u16(ParticipantIndex(indices).value), ...);
  return bytes;
}

}  // namespace sotto::secagg::labels
