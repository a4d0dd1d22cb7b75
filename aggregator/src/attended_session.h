// What all kinds of session share: who is in, who has answered which step with what, and when a step may end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/crypto/fingerprinter.h"
#include "sotto/crypto/primitives.h"

namespace sotto::aggregator {

class AttendedSession : public CohortSession {
 public:
  [[nodiscard]] Rejection admit(Bytes join_payload, ParticipantIndex& index,
                                Signature signature = Signature::kToVerify) final;
  [[nodiscard]] proto::Step step() const final { return step_; }
  [[nodiscard]] Rejection receive(ParticipantIndex from, proto::Step step, Bytes payload) final;
  [[nodiscard]] bool awaited(ParticipantIndex participant) const final;
  [[nodiscard]] bool answered(ParticipantIndex participant) const final;
  [[nodiscard]] std::uint32_t awaited_count() const final;
  [[nodiscard]] std::uint32_t answered_count() const final;
  [[nodiscard]] Result<Progress> close_step() final;

 protected:
  // `plan` has been validated. `random` is used only inside this call.
  AttendedSession(const proto::Plan& plan, Random& random);

  // Checks and takes in the join payload of the next participant, whose index is participant_count().
  [[nodiscard]] virtual Rejection accept_join(Bytes payload, Signature signature) = 0;
  // Checks and takes in a first answer to the open step. A refused answer leaves no trace: the participant
  // may answer again.
  [[nodiscard]] virtual Rejection accept(ParticipantIndex from, Bytes payload) = 0;
  // The open step ends with enough answers: the step to open next, nothing when the sum can be finished, or
  // why the session ends here.
  [[nodiscard]] virtual Result<std::optional<proto::Step>> end_step() = 0;

  [[nodiscard]] const proto::Plan& plan() const { return plan_; }
  [[nodiscard]] std::uint16_t participant_count() const {
    return static_cast<std::uint16_t>(attendance_.size());
  }
  [[nodiscard]] bool open() const { return state_ == State::kOpen; }
  [[nodiscard]] bool ready_to_finish() const { return state_ == State::kReady; }
  // Takes out a participant that answered the open step but cannot go on.
  void drop(ParticipantIndex participant) { attendance_[participant.value].awaited = false; }
  // A finished session cannot be finished again.
  void leave_finished() { state_ = State::kOver; }

 private:
  enum class State : std::uint8_t { kOpen, kReady, kOver };

  // Answers to past steps stay comparable, because a device repeats one whose reply was lost.
  struct Attendance {
    bool awaited = true;
    std::array<std::optional<crypto::Fingerprinter::Fingerprint>, 5> answers;  // by step
  };
  static std::size_t slot(proto::Step step) { return static_cast<std::size_t>(step) - 1; }
  [[nodiscard]] bool has_answered(const Attendance& attendance) const {
    return attendance.awaited && attendance.answers[slot(step_)].has_value();
  }
  [[nodiscard]] Status check_minimum() const;

  proto::Plan plan_;
  // Hashing a vector would take eight times as long as adding it. The key stays here and no fingerprint
  // leaves, so that nobody can look for two messages with the same one.
  crypto::Fingerprinter fingerprints_;
  proto::Step step_ = proto::Step::kJoin;
  State state_ = State::kOpen;
  std::vector<Attendance> attendance_;
};

}  // namespace sotto::aggregator
