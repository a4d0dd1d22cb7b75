#include "cohort/cohort_machine.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "sotto/base/check.h"

namespace sotto::server {

using Progress = aggregator::CohortSession::Progress;

CohortMachine::CohortMachine(std::unique_ptr<aggregator::CohortSession> session, const Rules& rules)
    : session_(std::move(session)), rules_(rules) {}

void CohortMachine::admit(const AdmitToCohort& command, Events& events) {
  // A seat out of order is a mistake of whoever gives the commands, who may be in another process.
  const bool in_order = command.seat.value == members_.size();
  if (!running() || session_->step() != proto::Step::kJoin || !in_order) {
    events.push_back(CohortAdmitted{command.seat, Rejection::kWrongPhase});
    return;
  }
  ParticipantIndex index;
  const Rejection rejection =
      session_->admit(command.join_payload, index,
                      command.verified ? aggregator::Signature::kVerified : aggregator::Signature::kToVerify);
  Member& member = members_.emplace_back();
  if (accepted(rejection)) {
    member.index = index;
    member.waiting = command.call;
    if (seats_.size() <= index.value) seats_.resize(index.value + std::size_t{1});
    seats_[index.value] = command.seat;
  }
  events.push_back(CohortAdmitted{command.seat, rejection});
}

bool CohortMachine::open_for(const Member& member, proto::Step step) const {
  return running() && session_->step() == step && session_->awaited(*member.index);
}

void CohortMachine::take(const CohortMessage& message, Time now, Events& events) {
  Member* member = message.seat.value < members_.size() ? &members_[message.seat.value] : nullptr;
  if (member == nullptr || !member->index || member->left) {
    return answer(message.seat, message.call, Rejection::kUnknownParticipant, events);
  }
  member->waiting.reset();
  if (!open_for(*member, message.step)) {
    repeat(message.seat, *member, message, events);
  } else if (!message.poll) {
    receive(message.seat, *member, message, now, events);
  } else if (session_->answered(*member->index)) {
    member->waiting = message.call;
  } else {
    answer(message.seat, message.call, Rejection::kWrongPhase, events);
  }
  if (member->waiting == message.call) answer(message.seat, message.call, StillWaiting{}, events);
}

void CohortMachine::receive(Seat seat, Member& member, const CohortMessage& message, Time now,
                            Events& events) {
  const bool answered_before = session_->answered(*member.index);
  const Rejection rejection = session_->receive(*member.index, message.step, message.payload);
  if (!accepted(rejection)) return answer(seat, message.call, rejection, events);
  if (!answered_before && session_->answered(*member.index)) ++answered_count_;
  member.answered = message.step;
  member.waiting = message.call;
  advance(now, events);
}

// A step that is over, or none is open any more: the device missed an answer, or comes late.
void CohortMachine::repeat(Seat seat, Member& member, const CohortMessage& message, Events& events) {
  // Its vector counts whether or not it still answers.
  const bool after_vector = message.step == proto::Step::kConfirm || message.step == proto::Step::kUnmask;
  const bool late = after_vector && member.in_sum;
  if (message.step != member.answered && !late) {
    return answer(seat, message.call, Rejection::kWrongPhase, events);
  }
  if (running() && !message.poll && message.step == member.answered) {
    const bool other_bytes =
        session_->receive(*member.index, message.step, message.payload) == Rejection::kDuplicate;
    if (other_bytes) return answer(seat, message.call, Rejection::kDuplicate, events);
  }
  if (running() && session_->awaited(*member.index) && !session_->answered(*member.index)) {
    return answer(seat, message.call,
                  proto::NextStep{.next = session_->step(), .payload = session_->message_for(*member.index)},
                  events);
  }
  member.waiting = message.call;
}

void CohortMachine::answer(Seat seat, CallId call, decltype(CohortAnswered::answer) body,
                           Events& events) const {
  events.push_back(CohortAnswered{seat, call, std::move(body), answered_count_});
}

void CohortMachine::leave(Seat seat, Time now, Events& events) {
  if (seat.value >= members_.size()) return;
  Member& member = members_[seat.value];
  if (member.left || !member.index) return;
  member.left = true;
  member.waiting.reset();
  if (!running() || session_->step() == proto::Step::kJoin) return;
  if (session_->awaited(*member.index) && !session_->answered(*member.index)) ++gone_;
  advance(now, events);
}

void CohortMachine::close_step(proto::Step step, Time now, Events& events) {
  if (!running() || session_->step() != step) return;
  if (close(now, events)) advance(now, events);
}

// Ends steps for as long as nothing is gained by waiting.
void CohortMachine::advance(Time now, Events& events) {
  while (step_complete()) {
    if (!close(now, events)) return;
  }
  if (rules_.straggler_grace_ms == 0 || !grace_begins()) return;
  const Time until = now + std::chrono::milliseconds(rules_.straggler_grace_ms);
  if (until >= step_until_) return;
  step_until_ = until;
  events.push_back(CohortHurries{until});
}

bool CohortMachine::grace_begins() {
  if (grace_begun_) return false;
  const std::uint32_t missing = awaited_count_ - answered_count_;
  grace_begun_ = static_cast<float>(missing) <= rules_.dropout_fraction * static_cast<float>(awaited_count_);
  return grace_begun_;
}

bool CohortMachine::close(Time now, Events& events) {
  const proto::Step closing = session_->step();
  CohortStepClosed closed{.step = closing};
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!session_->answered(ParticipantIndex{static_cast<std::uint16_t>(i)})) continue;
    closed.answered.push_back(seats_[i]);
    if (closing == proto::Step::kCollect) members_[seats_[i].value].in_sum = true;
  }
  const Result<Progress> progress = session_->close_step();
  events.push_back(std::move(closed));
  grace_begun_ = false;
  if (!progress) {
    state_ = State::kOver;
    session_.reset();
    events.push_back(
        CohortFailed{fmt::format("step {}: {}", proto::to_string(closing), progress.error().message())});
    return false;
  }
  if (*progress == Progress::kReadyToFinish) {
    state_ = State::kReady;
    events.push_back(CohortReady{});
    return false;
  }
  count_awaited();
  open_step(now, events);
  return true;
}

// Tells everybody in the open step what to do, and names everybody who missed the last one: the cohort goes
// on without it.
void CohortMachine::open_step(Time now, Events& events) {
  step_until_ = now + std::chrono::milliseconds(rules_.phase_deadline_ms);
  CohortStepOpened opened{.step = session_->step(), .until = step_until_, .awaited = awaited_count_};
  for (const Seat seat : seats_) {
    Member& member = members_[seat.value];
    if (member.left || member.in_sum || session_->awaited(*member.index)) continue;
    member.left = true;
    member.waiting.reset();
    opened.missed.push_back(seat);
  }
  events.push_back(std::move(opened));
  for (const Seat seat : seats_) {
    Member& member = members_[seat.value];
    if (!member.waiting || !session_->awaited(*member.index)) continue;
    const CallId call = *std::exchange(member.waiting, std::nullopt);
    answer(seat, call,
           proto::NextStep{.next = session_->step(), .payload = session_->message_for(*member.index)},
           events);
  }
}

void CohortMachine::count_awaited() {
  awaited_count_ = session_->awaited_count();
  answered_count_ = session_->answered_count();
  gone_ = 0;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (members_[seats_[i].value].left &&
        session_->awaited(ParticipantIndex{static_cast<std::uint16_t>(i)})) {
      ++gone_;
    }
  }
}

std::unique_ptr<aggregator::CohortSession> CohortMachine::take_session() {
  if (state_ != State::kReady) return nullptr;
  state_ = State::kOver;
  return std::move(session_);
}

}  // namespace sotto::server
