// What a device contributes to its cohort once it has trained: the payload of each step, for every kind of
// session (PROTOCOL.md sections 4, 6, 7 and 10).
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/client/trainer.h"
#include "sotto/proto/messages.h"
#include "sotto/proto/step_machine.h"

namespace sotto::client {

// The update as it is kept until it is sent: lanes (secure, plain) or the float message. kInvalidArgument
// when the trainer returned another shape than the model's, values that are not finite, or metrics that
// contradict each other.
[[nodiscard]] Result<std::vector<std::uint8_t>> encode_update(const proto::Plan& plan,
                                                              const LocalUpdate& update, Random& rounding);

// The steps of a session with the memory that they need.
class Contribution {
 public:
  // `update` is encode_update()'s, and wiped when it has been sent or this ends. The parties that the plan's
  // kind of session needs, and `keys`, must outlive the contribution.
  Contribution(const proto::Plan& plan, Bytes plan_bytes, std::vector<std::uint8_t> update,
               const proto::Parties& parties, Random& keys);
  ~Contribution();
  Contribution(const Contribution&) = delete;
  Contribution& operator=(const Contribution&) = delete;

  // The join payload, with fresh keys in a secure session; in a one-shot session the whole contribution.
  // Called once, first. kNotEligible without the parties that the session needs.
  [[nodiscard]] Rejection join(std::vector<std::uint8_t>& payload);
  // Checks the coordinator's message and writes the payload of its step. After a rejection `payload` is empty
  // and the contribution is useless.
  [[nodiscard]] Rejection answer(const proto::NextStep& message, std::vector<std::uint8_t>& payload);

  [[nodiscard]] proto::StepMachine& steps() { return steps_; }
  [[nodiscard]] const proto::StepMachine& steps() const { return steps_; }
  [[nodiscard]] const std::vector<std::uint8_t>& update() const { return update_; }

 private:
  std::vector<std::uint8_t> update_;
  // Sized for the largest cohort that the plan of a secure session allows.
  std::vector<secagg::NeighbourSlot> slots_;
  std::vector<std::uint16_t> order_;
  proto::StepMachine steps_;
};

}  // namespace sotto::client
