#pragma once

#include <map>
#include <vector>

#include "attended_session.h"
#include "masked_sum.h"
#include "sotto/aggregator/one_shot_session.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::aggregator {

class OneShotSession final : public AttendedSession {
 public:
  OneShotSession(const proto::Plan& plan, Bytes plan_bytes, const OneShotSetup& setup, Random& random);

  [[nodiscard]] std::vector<std::uint8_t> message_for(ParticipantIndex) const override { return {}; }
  [[nodiscard]] Result<CohortSum> finish(Executor& executor) override;
  [[nodiscard]] std::vector<ParticipantIndex> dishonest() const override { return dishonest_; }
  [[nodiscard]] bool helper_restarted() const override { return helper_restarted_; }

 private:
  // What the helpers are shown of a participant.
  struct Entry {
    ParticipantIndex participant;
    std::array<std::uint8_t, secagg::sealed_mask_bytes(secagg::kHelpersMax)> mask;
  };
  using Replies = std::vector<Result<proto::HelperReply>>;

  [[nodiscard]] Rejection accept_join(Bytes payload, Signature signature) override;
  [[nodiscard]] Rejection accept(ParticipantIndex, Bytes) override { return Rejection::kWrongPhase; }
  [[nodiscard]] Result<std::optional<proto::Step>> end_step() override;
  [[nodiscard]] std::size_t helper_count() const { return setup_.helpers.size(); }
  [[nodiscard]] const crypto::Digest& helper_digest(std::size_t place) const;
  [[nodiscard]] std::string helper_name(std::size_t place) const;
  [[nodiscard]] std::vector<std::uint8_t> helper_request(std::size_t place) const;
  [[nodiscard]] Replies ask_helpers(Executor& executor) const;
  void refused(const proto::HelperRefusal& refusal);
  // Why there is no sum of masks from this helper; kOk when there is one of the right length.
  [[nodiscard]] Status check_reply(std::size_t place, const Result<proto::HelperReply>& reply);
  // With two helpers: whether each has given out the sum of its own masks.
  [[nodiscard]] Status check_tags(const Replies& replies) const;

  const std::vector<std::uint8_t> revoked_;  // what setup_.authority borrows
  OneShotSetup setup_;
  std::vector<std::uint8_t> plan_bytes_;
  crypto::Digest plan_digest_;
  secagg::RingLayout layout_;
  MaskedSum sum_;
  std::map<crypto::Digest, Entry> entries_;  // by identity, the order in which the helper takes them
  std::vector<ParticipantIndex> dishonest_;
  bool helper_restarted_ = false;
};

}  // namespace sotto::aggregator
