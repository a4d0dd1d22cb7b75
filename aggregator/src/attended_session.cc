#include "attended_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace sotto::aggregator {

using proto::Step;

namespace {

crypto::SecretBytes<32> draw_fingerprint_key(Random& random) {
  crypto::SecretBytes<32> key;
  random.fill(key.reveal_mutable());
  return key;
}

}  // namespace

AttendedSession::AttendedSession(const proto::Plan& plan, Random& random)
    : plan_(plan), fingerprints_(draw_fingerprint_key(random)) {}

Rejection AttendedSession::admit(Bytes join_payload, ParticipantIndex& index, Signature signature) {
  if (!open() || step_ != Step::kJoin) return Rejection::kWrongPhase;
  if (attendance_.size() >= plan_.aggregation.participants_max) return Rejection::kBadParameters;
  const Rejection rejection = accept_join(join_payload, signature);
  if (!accepted(rejection)) return rejection;
  index = ParticipantIndex{participant_count()};
  attendance_.emplace_back().answers[slot(Step::kJoin)] = fingerprints_.of(join_payload);
  return Rejection::kNone;
}

Rejection AttendedSession::receive(ParticipantIndex from, Step step, Bytes payload) {
  if (from.value >= attendance_.size()) return Rejection::kUnknownParticipant;
  if (step < Step::kJoin || step > Step::kUnmask) return Rejection::kWrongPhase;
  Attendance& attendance = attendance_[from.value];
  std::optional<crypto::Fingerprinter::Fingerprint>& answer = attendance.answers[slot(step)];
  if (answer) return *answer == fingerprints_.of(payload) ? Rejection::kNone : Rejection::kDuplicate;
  if (!open() || step != step_ || !attendance.awaited) return Rejection::kWrongPhase;
  const Rejection rejection = accept(from, payload);
  if (accepted(rejection)) answer = fingerprints_.of(payload);
  return rejection;
}

bool AttendedSession::awaited(ParticipantIndex participant) const {
  return participant.value < attendance_.size() && attendance_[participant.value].awaited;
}

bool AttendedSession::answered(ParticipantIndex participant) const {
  return participant.value < attendance_.size() && has_answered(attendance_[participant.value]);
}

std::uint32_t AttendedSession::awaited_count() const {
  return static_cast<std::uint32_t>(
      std::count_if(attendance_.begin(), attendance_.end(), [](const Attendance& a) { return a.awaited; }));
}

std::uint32_t AttendedSession::answered_count() const {
  return static_cast<std::uint32_t>(std::count_if(attendance_.begin(), attendance_.end(),
                                                  [this](const Attendance& a) { return has_answered(a); }));
}

Status AttendedSession::check_minimum() const {
  // Who is lost after collecting is in the sum all the same.
  if (step_ > Step::kCollect) return {};
  const std::uint32_t left = answered_count();
  if (left >= plan_.aggregation.cohort_min) return {};
  return aborted(fmt::format("{} of {} participants answered step {}, at least {} are needed", left,
                             awaited_count(), proto::to_string(step_), plan_.aggregation.cohort_min));
}

Result<CohortSession::Progress> AttendedSession::close_step() {
  if (!open()) return aborted("the session is over: no step is open");
  state_ = State::kOver;  // unless shown otherwise
  SOTTO_RETURN_IF_ERROR(check_minimum());
  const auto next = end_step();
  if (!next) return next.error();
  if (!*next) {
    state_ = State::kReady;
    return Progress::kReadyToFinish;
  }
  for (Attendance& attendance : attendance_) attendance.awaited = has_answered(attendance);
  step_ = **next;
  state_ = State::kOpen;
  return Progress::kNextStep;
}

}  // namespace sotto::aggregator
