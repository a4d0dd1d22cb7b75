// A coordinator of one device that answers as a sound one would, except where the input says otherwise.
#pragma once

#include <string>
#include <vector>

#include "fuzz_input.h"
#include "sotto/client/session.h"
#include "sotto/secagg/wire.h"

namespace sotto::fuzz {

[[nodiscard]] client::SessionOptions device_options(bool allow_unmasked);
// An update of the job's shape, of another shape or with values that are not finite.
[[nodiscard]] Result<client::LocalUpdate> update_for(const client::TrainingJob& job, FuzzInput& input);

class HostileCoordinator {
 public:
  HostileCoordinator(proto::Aggregation kind, FuzzInput& input);

  [[nodiscard]] Result<client::Reply> answer(const client::Request& request);
  [[nodiscard]] bool tampered() const { return tampered_; }  // some answer was not a sound one
  [[nodiscard]] bool counted() const { return counted_; }    // it has said that the update is in the sum
  [[nodiscard]] const std::vector<std::uint8_t>& plan() const { return plan_bytes_; }
  [[nodiscard]] const std::vector<std::uint8_t>& model() const { return model_bytes_; }

 private:
  [[nodiscard]] client::Reply sound_answer(const client::Request& request);
  [[nodiscard]] proto::ExchangeReply exchange(const proto::ExchangeRequest& request);
  [[nodiscard]] proto::ExchangeReply next_step(proto::Step answered);
  [[nodiscard]] bool signs() const { return secagg::is_signed(plan_.aggregation.adversary); }
  [[nodiscard]] proto::PlanOffer offer();
  [[nodiscard]] std::vector<std::uint8_t> roster();
  [[nodiscard]] std::vector<std::uint8_t> confirmations() const;
  [[nodiscard]] client::Reply arbitrary_answer();
  [[nodiscard]] proto::RetryWindow window();

  FuzzInput& input_;
  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  std::vector<std::uint8_t> model_bytes_;
  std::vector<std::uint8_t> advertise_;  // the device's join message
  std::uint16_t place_ = 0;              // the device's in the roster
  crypto::Digest transcript_{};
  proto::Step answered_ = proto::Step::kJoin;
  bool tampered_ = false;
  bool counted_ = false;
};

}  // namespace sotto::fuzz
