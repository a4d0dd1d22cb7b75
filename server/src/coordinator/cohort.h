// One cohort of a round: its session, its members, and whether its open step can still gain anything by
// waiting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/clock.h"
#include "sotto/base/ids.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

// How J joined devices are split: into ceil(J / cohort_max) cohorts whose sizes differ by at most one. When
// those would be smaller than cohort_min, into as many of at least cohort_min as there can be; devices that
// then fit in none are left over. Empty when J < cohort_min. Requires 1 <= cohort_min <= cohort_max.
[[nodiscard]] std::vector<std::uint32_t> cohort_sizes(std::uint32_t joined, std::uint32_t cohort_min,
                                                      std::uint32_t cohort_max);

class Cohort {
 public:
  struct Member {
    SessionToken token;
    bool left = false;    // abandoned, refused or replaced: nothing more comes from it
    bool in_sum = false;  // its vector was taken
  };
  enum class State : std::uint8_t { kRunning, kFinishing, kSummed, kAbandoned };

  // Requires a session that is still admitting.
  Cohort(CohortId id, std::unique_ptr<aggregator::CohortSession> session);

  [[nodiscard]] CohortId id() const { return id_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }

  // ---- while the state is kRunning ----
  [[nodiscard]] Rejection admit(const SessionToken& token, Bytes join_payload, ParticipantIndex& index);
  [[nodiscard]] proto::Step open_step() const { return session_->step(); }
  [[nodiscard]] Rejection receive(ParticipantIndex from, proto::Step step, Bytes payload);
  [[nodiscard]] bool awaited(ParticipantIndex member) const { return session_->awaited(member); }
  [[nodiscard]] bool answered(ParticipantIndex member) const { return session_->answered(member); }
  [[nodiscard]] std::uint32_t awaited_count() const { return awaited_count_; }
  [[nodiscard]] std::uint32_t answered_count() const { return answered_count_; }
  [[nodiscard]] std::vector<std::uint8_t> message_for(ParticipantIndex member) const {
    return session_->message_for(member);
  }
  // Everybody awaited has answered or left.
  [[nodiscard]] bool step_complete() const { return answered_count_ + gone_ >= awaited_count_; }
  // At most this fraction of the awaited has not answered. True once per step.
  [[nodiscard]] bool grace_begins(float dropout_fraction);
  [[nodiscard]] Result<aggregator::CohortSession::Progress> close_step();
  // Hands the session over to be finished: kFinishing.
  [[nodiscard]] std::unique_ptr<aggregator::CohortSession> take_session();

  // When the open step ends at the latest.
  [[nodiscard]] Time step_until() const { return step_until_; }
  void set_step_until(Time time) { step_until_ = time; }

  // ---- in any state ----
  // The member will answer nothing more. What it has answered stands.
  void leave(ParticipantIndex member);
  void set_summed() { state_ = State::kSummed; }
  void set_abandoned();

 private:
  void count_awaited();
  void mark_in_sum();

  CohortId id_;
  std::unique_ptr<aggregator::CohortSession> session_;
  State state_ = State::kRunning;
  std::vector<Member> members_;
  // Of the open step, so that a message costs the same in a large cohort as in a small one.
  std::uint32_t awaited_count_ = 0;
  std::uint32_t answered_count_ = 0;
  std::uint32_t gone_ = 0;  // awaited in the open step, have not answered it and have left
  bool grace_begun_ = false;
  Time step_until_ = kNever;
};

}  // namespace sotto::server
