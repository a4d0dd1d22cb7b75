// Sessions without masks, PROTOCOL.md section 7: join with an empty payload, then collect.
#pragma once

#include <cstdint>
#include <vector>

#include "attended_session.h"
#include "sotto/secagg/ring.h"

namespace sotto::aggregator {

class UnmaskedSession : public AttendedSession {
 public:
  [[nodiscard]] std::vector<std::uint8_t> message_for(ParticipantIndex) const final { return {}; }

 protected:
  using AttendedSession::AttendedSession;
  [[nodiscard]] Rejection accept_join(Bytes payload, Signature) final {
    return payload.empty() ? Rejection::kNone : Rejection::kMalformed;
  }
  [[nodiscard]] Result<std::optional<proto::Step>> end_step() final;
};

// Quantised vectors in the secure session's ring.
class PlainSession final : public UnmaskedSession {
 public:
  PlainSession(const proto::Plan& plan, Random& random);
  [[nodiscard]] Result<CohortSum> finish(Executor& executor) override;

 private:
  [[nodiscard]] Rejection accept(ParticipantIndex from, Bytes payload) override;

  secagg::RingLayout layout_;
  std::vector<std::uint8_t> accumulator_;
};

// float32 deltas, summed in fixed point so that the order of addition does not matter.
class FloatSession final : public UnmaskedSession {
 public:
  FloatSession(const proto::Plan& plan, Random& random);
  [[nodiscard]] Result<CohortSum> finish(Executor& executor) override;

 private:
  [[nodiscard]] Rejection accept(ParticipantIndex from, Bytes payload) override;

  // `values` of one device into the sum.
  void add_values(double weight, ByteReader values);

  const secagg::UpdateLayout layout_;
  CohortSum sum_;
};

}  // namespace sotto::aggregator
