// The aggregator's side of one cohort: from READY devices to their sum. One interface, four kinds of session
// (secure, one-shot, plain, float). No clock, no thread, no disk:
// whoever drives it decides when a step is over.
//
//   admit()* -> close_step() -> [ receive(kShare)* -> close_step() ] -> receive(kCollect)* -> close_step()
//            -> [ receive(kConfirm)* -> close_step() ] -> [ receive(kUnmask)* -> close_step() ] -> finish()
//
// Bracketed steps exist in secure sessions only, kConfirm only against a semi-malicious server. Nothing is
// kept of a device's vector but its addition to the sum.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/executor.h"
#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/base/result.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"

namespace sotto::aggregator {

// Whether somebody has already verified what a device signed with its join.
enum class Signature : std::uint8_t { kToVerify, kVerified };

class CohortSession {
 public:
  virtual ~CohortSession() = default;

  // Before the first close_step(): takes in a device that is READY with its kJoin payload. On kNone `index`
  // is set.
  [[nodiscard]] virtual Rejection admit(Bytes join_payload, ParticipantIndex& index,
                                        Signature signature = Signature::kToVerify) = 0;

  // The step that is open now; kJoin while admitting.
  [[nodiscard]] virtual proto::Step step() const = 0;
  // A participant's answer to the open step. The same bytes twice are accepted twice and counted once; other
  // bytes are kDuplicate. (They are compared by keyed fingerprints of 128 bits.)
  [[nodiscard]] virtual Rejection receive(ParticipantIndex from, proto::Step step, Bytes payload) = 0;
  // Whether this participant may still answer the open step, i.e. has not dropped out before it.
  [[nodiscard]] virtual bool awaited(ParticipantIndex participant) const = 0;
  [[nodiscard]] virtual bool answered(ParticipantIndex participant) const = 0;
  [[nodiscard]] virtual std::uint32_t awaited_count()
      const = 0;  // participants the open step may still hear from, in all
  [[nodiscard]] virtual std::uint32_t answered_count() const = 0;  // of those, heard

  enum class Progress : std::uint8_t { kNextStep, kReadyToFinish };
  // Ends the open step; whoever did not answer has dropped out. kAborted (with the reason in words: how many
  // are left, how many are needed) when the sum can no longer be formed; the session is then useless.
  [[nodiscard]] virtual Result<Progress> close_step() = 0;

  // What to send a participant that is awaited in the open step (roster, share delivery, confirm
  // request, unmask request).
  // Empty otherwise.
  [[nodiscard]] virtual std::vector<std::uint8_t> message_for(ParticipantIndex participant) const = 0;

  // After kReadyToFinish: removes the masks and returns the sum. Heavy; uses `executor`. kAborted when the
  // masks cannot be removed or the lanes are no sum of so many vectors. `dishonest` names participants whose
  // shares were wrong. Before a model moves by the sum, check_influence() must have accepted it.
  [[nodiscard]] virtual Result<CohortSum> finish(Executor& executor) = 0;
  [[nodiscard]] virtual std::vector<ParticipantIndex> dishonest() const { return {}; }
  // finish() failed because the helper has started anew since the plan was signed: it pays to begin another
  // round.
  [[nodiscard]] virtual bool helper_restarted() const { return false; }
};

// `plan` is the round's plan and `plan_bytes` its encoding. kInvalidArgument when the plan cannot be served,
// kFailedPrecondition when its sessions are signed and there is no `authority` that endorses their devices.
// `random` draws the session's id and keys; used only inside this call. What `authority` borrows is
// copied. Devices whose endorsements have ended `now`, in seconds since the Unix epoch, are refused.
[[nodiscard]] Result<std::unique_ptr<CohortSession>> make_cohort_session(
    const proto::Plan& plan, Bytes plan_bytes, Random& random,
    const std::optional<secagg::Trust>& authority = std::nullopt, std::uint64_t now = secagg::kNoClock);

}  // namespace sotto::aggregator
