#include "sotto/base/rejection.h"

namespace sotto {

const char* describe(Rejection rejection) {
  switch (rejection) {
    case Rejection::kNone:
      return "accepted";
    case Rejection::kMalformed:
      return "the message does not decode; send the layout PROTOCOL.md gives";
    case Rejection::kWrongVersion:
      return "this protocol version is not spoken here; update the older side";
    case Rejection::kWrongPhase:
      return "the session does not accept this message in its present step";
    case Rejection::kUnknownSession:
      return "the session token is unknown or has ended; check in again";
    case Rejection::kDuplicate:
      return "this step was already answered with other bytes; the first answer stands";
    case Rejection::kWrongModel:
      return "trained by another plan or model version than this round's; check in again";
    case Rejection::kWrongLength:
      return "the vector has another length than the plan's";
    case Rejection::kBadKey:
      return "a public key is unusable or the roster does not hold this device's keys once";
    case Rejection::kBadParameters:
      return "cohort size, neighbours, threshold or ring lie outside the plan";
    case Rejection::kCohortTooSmall:
      return "the cohort is smaller than the plan's minimum";
    case Rejection::kTooFewSurvivors:
      return "fewer neighbours survive than the threshold needs";
    case Rejection::kSetsOverlap:
      return "a participant is named both surviving and missing";
    case Rejection::kUnknownParticipant:
      return "a participant is named that cannot be in this step";
    case Rejection::kBadShare:
      return "a secret share does not open or does not match its commitment";
    case Rejection::kNotEligible:
      return "the device does not meet the task's conditions";
    case Rejection::kBadSignature:
      return "a signature or endorsement does not verify; enrol the device with this fleet's authority";
  }
  return "rejected";
}

}  // namespace sotto
