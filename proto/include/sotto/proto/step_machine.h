// The device's half of a session: which message follows which, and what is in it, for every kind of session
// (PROTOCOL.md sections 5 to 7 and 10). Spans in, spans out: no heap, no I/O, no clock. The client library
// puts vectors, retries and files around it, firmware its own memory.
//
//   secure     join() -> kShare -> kCollect -> [kConfirm ->] kUnmask -> the coordinator's last word
//   plain      join() -> kCollect -> the last word
//   one-shot   join() -> the last word
//
// A coordinator that asks for another step, or breaks a step's rules, is refused: the machine is then over,
// its secrets are wiped, and every later call is refused too. The update is handed to each call that may
// need it and is not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sotto/base/bytes.h"
#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/proto/enumerations.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/one_shot.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"

namespace sotto::proto {

// Who the device is, and whom its owner trusts with masks. Borrowed.
struct Parties {
  const secagg::Identity* identity = nullptr;  // null: curious and unmasked sessions only
  secagg::MaskHelpers helpers{};               // those of the plan; none: no one-shot sessions
  // Seconds since the Unix epoch as the session begins, by which endorsements may have ended.
  std::uint64_t now = secagg::kNoClock;
};

// The working memory of a secure session: one slot for each neighbour, one number for each participant of the
// largest cohort that the device takes part in. Other kinds of session need none. Borrowed.
struct StepMemory {
  std::span<secagg::NeighbourSlot> slots;
  std::span<std::uint16_t> order;
};

class StepMachine {
 public:
  enum class State : std::uint8_t {
    kReady,    // join() has not been called
    kJoined,   // the join is out; the coordinator has not answered it
    kGoesOn,   // it has
    kCounted,  // the coordinator's last word: the update is in the sum
    kUncounted,
    kRefused,  // the coordinator refused a message; reason() says why
    kBroken,   // the coordinator broke the protocol; reason() says how. The device tells it that it leaves
    kLeft,
  };

  // `plan` is decoded from `plan_bytes`. `parties`' and `memory`'s contents and `keys` must outlive the
  // machine.
  StepMachine(const Plan& plan, Bytes plan_bytes, const Parties& parties, const StepMemory& memory,
              Random& keys);
  StepMachine(const StepMachine&) = delete;
  StepMachine& operator=(const StepMachine&) = delete;

  // Room that the message of this step may take. Known once the steps before it are done.
  [[nodiscard]] std::size_t message_bytes_max(Step step) const;

  // The join: fresh keys in a secure session, the whole contribution in a one-shot session, otherwise
  // nothing. `written` bytes of `out` are the message. kNotEligible without the parties that the session
  // needs.
  [[nodiscard]] Rejection join(Bytes update, MutableBytes out, std::size_t& written);
  // Checks what the coordinator sent with `next` and writes this step's message. After a rejection nothing
  // of an unmasked vector is in `out`. `update` is looked at in kCollect only.
  [[nodiscard]] Rejection next_step(Step next, Bytes received, Bytes update, MutableBytes out,
                                    std::size_t& written);
  // Instead of next_step(kShare) on a board that cannot hold a roster: see secagg::Participant.
  [[nodiscard]] Rejection take_roster(Bytes chunk);
  [[nodiscard]] Rejection end_roster(bool& again);
  [[nodiscard]] Rejection share(MutableBytes out, std::size_t& written);

  // The coordinator's other answers.
  void keep_waiting();
  void end(bool counted);
  void refused(Rejection reason);
  // The device leaves of its own accord.
  void leave();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool over() const { return state_ > State::kGoesOn; }
  // The step whose message was written last.
  [[nodiscard]] Step step() const { return step_; }
  [[nodiscard]] Rejection reason() const { return reason_; }

 private:
  Rejection write_join(Bytes update, MutableBytes out, std::size_t& written);
  Rejection write_one_shot(Bytes update, MutableBytes out, std::size_t& written);
  Rejection write_step(Step next, Bytes received, Bytes update, MutableBytes out, std::size_t& written);
  Rejection collect(Bytes delivery, Bytes update, MutableBytes out, std::size_t& written);
  [[nodiscard]] std::optional<Step> first_step() const;
  [[nodiscard]] std::optional<Step> step_after(Step step) const;
  Rejection done(Step step);
  Rejection broken(Rejection reason);
  void finish(State state);

  const Aggregation kind_;
  const Adversary adversary_;
  const std::size_t helper_count_;  // of a one-shot session
  const std::size_t update_bytes_;
  const secagg::RingLayout layout_;
  const secagg::SessionContext context_;
  const Parties parties_;
  const StepMemory memory_;
  Random& keys_;
  std::optional<secagg::Participant> participant_;  // of a secure session, until it is over
  State state_ = State::kReady;
  Step step_ = Step::kJoin;
  std::optional<Step> expected_;  // the only step the coordinator may ask for next
  Rejection reason_ = Rejection::kNone;
};

}  // namespace sotto::proto
