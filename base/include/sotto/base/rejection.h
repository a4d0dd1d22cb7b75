// A peer did something wrong. A Rejection is a value: it is counted and answered, never thrown, never fatal.
// Freestanding.
#pragma once

#include <cstdint>

#include "sotto/base/enum_names.h"

namespace sotto {

// Numbers are the wire's; what each means stands in the table below.
enum class Rejection : std::uint8_t {
  kNone = 0,
  kMalformed,
  kWrongVersion,
  kWrongPhase,
  kUnknownSession,
  kDuplicate,
  kWrongModel,
  kWrongLength,
  kBadKey,
  kBadParameters,
  kCohortTooSmall,
  kTooFewSurvivors,
  kSetsOverlap,
  kUnknownParticipant,
  kBadShare,
  kNotEligible,
  kBadSignature,
  kExpired,
  kRevoked,
};

// kNone is no refusal and has no row. The meaning is a sentence: what was wrong and what the peer should do.
template <>
struct EnumNames<Rejection> {
  static constexpr EnumName<Rejection> kAll[] = {
      {Rejection::kMalformed, "malformed", "the message does not decode; send the layout PROTOCOL.md gives"},
      {Rejection::kWrongVersion, "wrong version",
       "this protocol version is not spoken here; update the older side"},
      {Rejection::kWrongPhase, "wrong phase", "the session does not accept this message in its present step"},
      {Rejection::kUnknownSession, "unknown session",
       "the session token is unknown or has ended; check in again"},
      {Rejection::kDuplicate, "duplicate",
       "this step was already answered with other bytes; the first answer stands"},
      {Rejection::kWrongModel, "wrong model",
       "trained by another plan or model version than this round's; check in again"},
      {Rejection::kWrongLength, "wrong length", "the vector has another length than the plan's"},
      {Rejection::kBadKey, "bad key",
       "a public key is unusable or the roster does not hold this device's keys once"},
      {Rejection::kBadParameters, "bad parameters",
       "cohort size, neighbours, threshold or ring lie outside the plan"},
      {Rejection::kCohortTooSmall, "cohort too small", "the cohort is smaller than the plan's minimum"},
      {Rejection::kTooFewSurvivors, "too few survivors", "fewer neighbours survive than the threshold needs"},
      {Rejection::kSetsOverlap, "sets overlap", "a participant is named both surviving and missing"},
      {Rejection::kUnknownParticipant, "unknown participant",
       "a participant is named that cannot be in this step"},
      {Rejection::kBadShare, "bad share", "a secret share does not open or does not match its commitment"},
      {Rejection::kNotEligible, "not eligible", "the device does not meet the task's conditions"},
      {Rejection::kBadSignature, "bad signature",
       "a signature or endorsement does not verify; enrol the device with this fleet's authority"},
      {Rejection::kExpired, "expired",
       "an endorsement has ended; renew it where the authority is kept (or set a clock that runs ahead)"},
      {Rejection::kRevoked, "revoked", "the authority has revoked the key or all endorsements of its epoch"},
  };
};

// The refusal's sentence, "accepted" for kNone, "rejected" for a number that is none. Static storage.
[[nodiscard]] constexpr const char* describe(Rejection rejection) {
  if (rejection == Rejection::kNone) return "accepted";
  const EnumName<Rejection>* name = find_name(rejection);
  return name == nullptr ? "rejected" : name->meaning;
}

[[nodiscard]] constexpr bool accepted(Rejection rejection) { return rejection == Rejection::kNone; }

// After these a device's session goes on: its first answer stands, or it only spoke out of turn.
[[nodiscard]] constexpr bool recoverable(Rejection rejection) {
  return rejection == Rejection::kDuplicate || rejection == Rejection::kWrongPhase;
}

}  // namespace sotto
