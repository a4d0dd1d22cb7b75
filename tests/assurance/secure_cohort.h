// A secure session between the real aggregator and real participants, taken apart: who leaves when, how many
// answer the unmask request, what everybody sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"
#include "support/enrolment.h"

namespace sotto::assurance {

// The last step a device takes part in.
enum class Lasts : std::uint8_t { kNothing, kJoin, kShare, kCollect, kConfirm, kUnmask };

struct CohortOptions {
  std::uint16_t participants = 5;
  std::uint64_t keys_seed = 1;     // of everybody's session keys, seeds and shares
  std::uint64_t session_seed = 1;  // of the session id
  std::uint32_t features = 4;
  std::uint64_t round = 3;
  crypto::Prg prg = crypto::Prg::kChaCha20;
  std::uint16_t participants_max = 257;
  double dropout_fraction = 0.1;
  proto::Adversary adversary = proto::Adversary::kSemiMalicious;
  proto::Packing packing = proto::Packing::kWords;
};

struct SecureDevice {
  SecureDevice(const secagg::SessionContext& context, const secagg::ParticipantRules& rules,
               std::size_t participants, std::uint64_t number, std::uint64_t seed);

  secagg::Enrolment enrolment;
  std::vector<secagg::NeighbourSlot> slots;
  std::vector<std::uint16_t> order;
  crypto::SeededRandom random;
  secagg::Participant participant;
  ParticipantIndex index;
  std::vector<std::uint8_t> lanes;   // its update
  std::vector<std::uint8_t> joined;  // what it sent at each step
  std::vector<std::uint8_t> shares;
  std::vector<std::uint8_t> vector;
  std::vector<std::uint8_t> signature;
  std::vector<std::uint8_t> answer;
};

class SecureCohort {
 public:
  // Lanes are equal in every cohort of one size.
  explicit SecureCohort(const CohortOptions& options);

  // Changes what a device is about to send.
  std::function<void(proto::Step, std::size_t device, std::vector<std::uint8_t>& payload)> tamper;

  // Everybody's part up to `lasts` (those beyond its end: to the end). The sum, or why there is none.
  [[nodiscard]] Result<aggregator::CohortSum> run(const std::vector<Lasts>& lasts);
  // What the sum over the devices that last to kCollect must be.
  [[nodiscard]] std::vector<std::int64_t> expected(const std::vector<Lasts>& lasts) const;

  [[nodiscard]] const secagg::GraphParameters& graph() const { return devices_[0]->participant.graph(); }
  [[nodiscard]] const std::vector<std::unique_ptr<SecureDevice>>& devices() const { return devices_; }
  [[nodiscard]] aggregator::CohortSession& session() { return *session_; }

 private:
  void speak(std::size_t number, proto::Step step);

  proto::Plan plan_;
  secagg::RingLayout layout_;
  std::unique_ptr<aggregator::CohortSession> session_;
  std::vector<std::unique_ptr<SecureDevice>> devices_;
};

}  // namespace sotto::assurance
