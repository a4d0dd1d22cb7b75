// One cohort: its session, who sits where, and whether its open step can still gain anything by waiting.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/server/cohort_messages.h"

namespace sotto::server {

class CohortMachine {
 public:
  using Events = std::vector<decltype(CohortEvent::what)>;
  struct Rules {
    std::uint32_t phase_deadline_ms = 0;
    std::uint32_t straggler_grace_ms = 0;
    float dropout_fraction = 0;
  };

  // Requires a session that is still admitting.
  CohortMachine(std::unique_ptr<aggregator::CohortSession> session, const Rules& rules);

  // Each adds what comes of it to `events`.
  void admit(const AdmitToCohort& command, Events& events);
  void take(const CohortMessage& message, Time now, Events& events);
  void leave(Seat seat, Time now, Events& events);
  void close_step(proto::Step step, Time now, Events& events);

  // The session, to be finished elsewhere; nullptr unless it is ready, and the second time.
  [[nodiscard]] std::unique_ptr<aggregator::CohortSession> take_session();
  // By participant.
  [[nodiscard]] const std::vector<Seat>& seats() const { return seats_; }

 private:
  enum class State : std::uint8_t { kRunning, kReady, kOver };
  struct Member {
    std::optional<ParticipantIndex> index;  // none: refused
    bool left = false;
    bool in_sum = false;                        // its vector was taken
    proto::Step answered = proto::Step::kJoin;  // the last step whose answer was taken
    std::optional<CallId> waiting{};            // the call that waits for the next step
  };

  [[nodiscard]] bool running() const { return state_ == State::kRunning; }
  [[nodiscard]] bool open_for(const Member& member, proto::Step step) const;
  void receive(Seat seat, Member& member, const CohortMessage& message, Time now, Events& events);
  void repeat(Seat seat, Member& member, const CohortMessage& message, Events& events);
  void answer(Seat seat, CallId call, decltype(CohortAnswered::answer) body, Events& events) const;
  void advance(Time now, Events& events);
  // True when another step is open.
  bool close(Time now, Events& events);
  void open_step(Time now, Events& events);
  void count_awaited();
  // Everybody awaited has answered or left.
  [[nodiscard]] bool step_complete() const { return answered_count_ + gone_ >= awaited_count_; }
  // At most dropout_fraction of the awaited have not answered. True once in a step.
  [[nodiscard]] bool grace_begins();

  std::unique_ptr<aggregator::CohortSession> session_;
  const Rules rules_;
  State state_ = State::kRunning;
  std::vector<Member> members_;  // by seat
  std::vector<Seat> seats_;      // by participant
  // Of the open step, so that a message costs the same in a large cohort as in a small one.
  std::uint32_t awaited_count_ = 0;
  std::uint32_t answered_count_ = 0;
  std::uint32_t gone_ = 0;  // awaited in the open step, have not answered it and have left
  bool grace_begun_ = false;
  Time step_until_ = kNever;
};

}  // namespace sotto::server
