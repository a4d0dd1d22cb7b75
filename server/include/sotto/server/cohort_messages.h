// What passes between the coordinator and the cohorts of its rounds: values that could cross a process.
//
//   OpenCohort, AdmitToCohort*, CloseCohortStep   -->  CohortAdmitted*, CohortStepOpened
//   CohortMessage*, LeaveCohort*, CloseCohortStep -->  CohortAnswered*, CohortHurries, CohortStepClosed
//                                                      CohortReady --> (a worker) --> CohortFinished
//
// After CohortFailed, which may come instead of any of these, and after DiscardCohort nothing more comes.
// Commands for one cohort are handled in the order in which they are given, and so are its events.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/clock.h"
#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/base/result.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"

namespace sotto::server {

struct CohortAddress {
  TaskId task;
  RoundId round;
  CohortId cohort;
  friend auto operator<=>(const CohortAddress&, const CohortAddress&) = default;
};

// A device's place in its cohort, counted from 0 in the order of admission. A device that is refused leaves
// its seat empty.
using Seat = StrongId<struct SeatTag, std::uint32_t>;

// ---- commands ----
struct OpenCohort {
  std::vector<std::uint8_t> plan;
  // The coordinator's, of the plan: what a one-shot session's helper asks for.
  std::optional<secagg::Credential> plan_credential{};
  std::vector<std::uint8_t> check_key{};  // that the round's devices have; of two helpers
  std::vector<std::uint8_t> bulletin{};   // the authority's, that is in force; empty: none
  std::uint32_t phase_deadline_ms = 0;
  std::uint32_t straggler_grace_ms = 0;  // 0: none
};
// Seats are taken in order. `call`, if any, waits for the first step.
struct AdmitToCohort {
  Seat seat;
  std::vector<std::uint8_t> join_payload;
  std::optional<CallId> call{};
  bool verified = false;  // what the device signed has been checked: it need not be once more
};
struct CohortMessage {
  Seat seat;
  CallId call;
  proto::Step step = proto::Step::kJoin;
  bool poll = false;
  std::vector<std::uint8_t> payload{};
};
// The device will answer nothing more. What it has answered stands.
struct LeaveCohort {
  Seat seat;
};
// Its time is up. Ignored when another step is open by now.
struct CloseCohortStep {
  proto::Step step = proto::Step::kJoin;
};
struct DiscardCohort {};
using CohortCommand =
    std::variant<OpenCohort, AdmitToCohort, CohortMessage, LeaveCohort, CloseCohortStep, DiscardCohort>;

// ---- events ----
struct CohortAdmitted {
  Seat seat;
  Rejection rejection = Rejection::kNone;
};
// The answer to the CohortMessage, or to the admission, that carried `call`. StillWaiting is followed by
// another one with the same call when the next step opens before the device has asked again.
struct StillWaiting {};
struct CohortAnswered {
  Seat seat;
  CallId call;
  std::variant<StillWaiting, proto::NextStep, Rejection> answer;
  std::uint32_t answered = 0;  // devices that have answered the open step
};
struct CohortStepOpened {
  proto::Step step = proto::Step::kShare;
  Time until;                  // when to close it at the latest
  std::uint32_t awaited = 0;   // devices it may hear from
  std::vector<Seat> missed{};  // whose answer to the last step did not come, or did not count
};
// All but a few have answered: the open step ends earlier.
struct CohortHurries {
  Time until;
};
struct CohortStepClosed {
  proto::Step step = proto::Step::kJoin;
  std::vector<Seat> answered{};
};
struct CohortReady {};  // its sum can be computed
struct CohortFailed {
  std::string reason;
};
struct CohortFinished {
  Result<aggregator::CohortSum> sum;
  std::vector<Seat> dishonest{};  // who sent what cannot be, whether or not the sum could be formed
  bool helper_restarted = false;  // there is no sum, and nobody is to blame
};

// Of the cohort at the address.
struct CohortEvent {
  CohortAddress cohort;
  std::variant<CohortAdmitted, CohortAnswered, CohortStepOpened, CohortHurries, CohortStepClosed, CohortReady,
               CohortFailed, CohortFinished>
      what;
};

}  // namespace sotto::server
