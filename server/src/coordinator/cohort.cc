#include "coordinator/cohort.h"

#include <algorithm>

namespace sotto::server {

std::vector<std::uint32_t> cohort_sizes(std::uint32_t joined, std::uint32_t cohort_min,
                                        std::uint32_t cohort_max) {
  const std::uint32_t count = std::min((joined + cohort_max - 1) / cohort_max, joined / cohort_min);
  if (count == 0) return {};
  const std::uint32_t placed =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(joined, std::uint64_t{count} * cohort_max));
  std::vector<std::uint32_t> sizes(count, placed / count);
  for (std::uint32_t i = 0; i < placed % count; ++i) ++sizes[i];
  return sizes;
}

Cohort::Cohort(CohortId id, std::unique_ptr<aggregator::CohortSession> session)
    : id_(id), session_(std::move(session)) {}

Rejection Cohort::admit(const SessionToken& token, Bytes join_payload, ParticipantIndex& index) {
  const Rejection rejection = session_->admit(join_payload, index);
  if (!accepted(rejection)) return rejection;
  if (members_.size() <= index.value) members_.resize(index.value + std::size_t{1});
  members_[index.value].token = token;
  return rejection;
}

Rejection Cohort::receive(ParticipantIndex from, proto::Step step, Bytes payload) {
  const bool answered_before = session_->answered(from);
  const Rejection rejection = session_->receive(from, step, payload);
  if (!answered_before && session_->answered(from)) ++answered_count_;
  return rejection;
}

bool Cohort::grace_begins(float dropout_fraction) {
  if (grace_begun_) return false;
  const std::uint32_t missing = awaited_count_ - answered_count_;
  grace_begun_ = static_cast<float>(missing) <= dropout_fraction * static_cast<float>(awaited_count_);
  return grace_begun_;
}

Result<aggregator::CohortSession::Progress> Cohort::close_step() {
  const proto::Step closing = session_->step();
  if (closing == proto::Step::kCollect) mark_in_sum();
  Result<aggregator::CohortSession::Progress> progress = session_->close_step();
  // A session that ends with the join had its vectors then.
  const bool ended = progress && *progress == aggregator::CohortSession::Progress::kReadyToFinish;
  if (ended && closing == proto::Step::kJoin) mark_in_sum();
  grace_begun_ = false;
  if (progress && *progress == aggregator::CohortSession::Progress::kNextStep) count_awaited();
  return progress;
}

void Cohort::mark_in_sum() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i].in_sum = session_->answered(ParticipantIndex{static_cast<std::uint16_t>(i)});
  }
}

std::unique_ptr<aggregator::CohortSession> Cohort::take_session() {
  state_ = State::kFinishing;
  return std::move(session_);
}

void Cohort::leave(ParticipantIndex member) {
  Member& leaver = members_[member.value];
  if (leaver.left) return;
  leaver.left = true;
  if (state_ == State::kRunning && awaited(member) && !answered(member)) ++gone_;
}

void Cohort::set_abandoned() {
  state_ = State::kAbandoned;
  session_.reset();
}

void Cohort::count_awaited() {
  awaited_count_ = session_->awaited_count();
  answered_count_ = session_->answered_count();
  gone_ = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].left && awaited(ParticipantIndex{static_cast<std::uint16_t>(i)})) ++gone_;
  }
}

}  // namespace sotto::server
