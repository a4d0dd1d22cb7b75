// The identities of a simulated fleet: devices are enrolled in memory, on first use.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>

#include "fleet/party_randomness.h"
#include "sotto/identity/authority.h"

namespace sotto::simulation {

class EnrolledFleet {
 public:
  // `randomness` must outlive the fleet.
  EnrolledFleet(identity::Authority authority, const PartyRandomness& randomness)
      : authority_(std::move(authority)), randomness_(randomness) {}
  // With an authority of its own.
  explicit EnrolledFleet(const PartyRandomness& randomness)
      : EnrolledFleet(identity::Authority(randomness.signer(draw_key(randomness, {.purpose = "authority"}))),
                      randomness) {}

  // Lives as long as the fleet.
  [[nodiscard]] const secagg::Identity& device(std::size_t index) {
    auto found = devices_.find(index);
    if (found == devices_.end()) {
      found = devices_.emplace(index, enroll(secagg::Role::kDevice, {.purpose = "identity", .device = index}))
                  .first;
    }
    return found->second.identity.get();
  }
  // The same: the one in whose name plans can be signed.
  [[nodiscard]] const secagg::Identity& coordinator() {
    if (coordinator_ == nullptr) {
      coordinator_ =
          std::make_unique<Enrolled>(enroll(secagg::Role::kCoordinator, {.purpose = "plan identity"}));
    }
    return coordinator_->identity.get();
  }

 private:
  struct Enrolled {
    std::shared_ptr<secagg::Signer> signer;
    identity::OwnedIdentity identity;
  };

  static crypto::Es256PrivateKey draw_key(const PartyRandomness& randomness, const StreamName& name) {
    return crypto::Es256PrivateKey::generate(*randomness.stream(name));
  }
  [[nodiscard]] Enrolled enroll(secagg::Role role, const StreamName& name) {
    std::shared_ptr<secagg::Signer> signer = randomness_.signer(draw_key(randomness_, name));
    identity::OwnedIdentity identity(authority_.enroll(role, signer->public_key(), {}), *signer);
    return {std::move(signer), std::move(identity)};
  }

  identity::Authority authority_;
  const PartyRandomness& randomness_;
  std::unordered_map<std::size_t, Enrolled> devices_;
  std::unique_ptr<Enrolled> coordinator_;
};

}  // namespace sotto::simulation
