// A peer did something wrong. A Rejection is a value: it is counted and answered, never thrown, never fatal.
// Freestanding.
#pragma once

#include <cstdint>

namespace sotto {

enum class Rejection : std::uint8_t {
  kNone = 0,
  kMalformed,           // the bytes do not decode: wrong length, leftover bytes, reserved value
  kWrongVersion,        // a protocol version we do not speak
  kWrongPhase,          // a message that this step does not accept
  kUnknownSession,      // no such session token: it ended, or was never given
  kDuplicate,           // a second, different answer to a step already answered
  kWrongModel,          // joined with another plan (and so another model) than the round's
  kWrongLength,         // a vector or list of another length than the plan's
  kBadKey,              // a public key that is not a point of large order, or is not the caller's own
  kBadParameters,       // cohort size, neighbours, threshold or ring outside what the plan allows
  kCohortTooSmall,      // fewer participants than the minimum
  kTooFewSurvivors,     // fewer live neighbours than the threshold
  kSetsOverlap,         // a participant named both surviving and missing
  kUnknownParticipant,  // a participant that is not in the roster, not a neighbour, or dropped earlier
  kBadShare,            // a share that does not open or does not reconstruct what was promised
  kNotEligible,         // the device does not meet the task's conditions
  kBadSignature,        // a signature or endorsement that does not verify
};
inline constexpr Rejection kRejectionLast = Rejection::kBadSignature;

// One sentence: what was wrong and what the peer should do. Static storage.
[[nodiscard]] const char* describe(Rejection rejection);

[[nodiscard]] constexpr bool accepted(Rejection rejection) { return rejection == Rejection::kNone; }

}  // namespace sotto
