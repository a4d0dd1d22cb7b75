// What a device contributes to its cohort once it has trained: the payload of each step, for every kind of
// session (PROTOCOL.md sections 4, 6, 7 and 10).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sotto/base/rejection.h"
#include "sotto/client/trainer.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/participant.h"

namespace sotto::client {

// The update as it is kept until it is sent: lanes (secure, plain) or the float message. kInvalidArgument
// when the trainer returned another shape than the model's, values that are not finite, or metrics that
// contradict each other.
[[nodiscard]] Result<std::vector<std::uint8_t>> encode_update(const proto::Plan& plan,
                                                              const LocalUpdate& update, Random& rounding);
[[nodiscard]] std::size_t encoded_update_bytes(const proto::Plan& plan);

// Who the device is, and whom its owner trusts with masks. Borrowed.
struct Parties {
  const secagg::Identity* identity = nullptr;       // null: curious and unmasked sessions only
  const crypto::X25519PublicKey* helper = nullptr;  // null: no one-shot sessions
};

class Contribution {
 public:
  // `update` is encode_update()'s. The parties that the plan's kind of session needs, and `keys`, must
  // outlive the contribution.
  Contribution(const proto::Plan& plan, Bytes plan_bytes, std::vector<std::uint8_t> update,
               const Parties& parties, Random& keys);

  // The join payload, with fresh keys in a secure session; in a one-shot session the whole contribution.
  // Called once, first. kNotEligible without the parties that the session needs.
  [[nodiscard]] Rejection join(std::vector<std::uint8_t>& payload);
  // Checks the coordinator's message and writes the payload of its step. After a rejection `payload` is empty
  // and the contribution is useless.
  [[nodiscard]] Rejection answer(const proto::NextStep& message, std::vector<std::uint8_t>& payload);
  [[nodiscard]] const std::vector<std::uint8_t>& update() const { return update_; }

 private:
  // The working memory of a secure session, sized for the largest cohort that the plan allows.
  struct Secure {
    Secure(const proto::Plan& plan, Bytes plan_bytes, const secagg::Identity* identity, Random& keys);
    std::vector<secagg::NeighbourSlot> slots;
    std::vector<std::uint16_t> order;
    secagg::Participant participant;
  };

  // What a one-shot message is made with.
  struct OneShot {
    secagg::SessionContext context;
    Parties parties;
    Random& keys;
  };

  [[nodiscard]] secagg::RingLayout layout() const;
  Rejection write_one_shot(std::vector<std::uint8_t>& payload);
  Rejection write_step(const proto::NextStep& message, std::vector<std::uint8_t>& payload);
  Rejection share(Bytes roster, std::vector<std::uint8_t>& payload);
  Rejection collect(Bytes delivery, std::vector<std::uint8_t>& payload);
  [[nodiscard]] proto::Step after_collect() const;
  Rejection confirm(Bytes request, std::vector<std::uint8_t>& payload);
  Rejection unmask(Bytes request, std::vector<std::uint8_t>& payload);

  const proto::AggregationSpec aggregation_;
  const std::size_t parameters_;
  std::vector<std::uint8_t> update_;
  std::unique_ptr<Secure> secure_;       // in secure sessions
  std::optional<OneShot> one_shot_;      // in one-shot sessions
  std::optional<proto::Step> expected_;  // the only step the coordinator may ask for next
};

}  // namespace sotto::client
