// The identities of a simulated fleet: devices are enrolled in memory, on first use.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

#include "sotto/identity/authority.h"

namespace sotto::simulation {

class EnrolledFleet {
 public:
  explicit EnrolledFleet(identity::Authority authority) : authority_(std::move(authority)) {}

  // Lives as long as the fleet.
  [[nodiscard]] const secagg::Identity& device(std::size_t index) {
    auto found = devices_.find(index);
    if (found == devices_.end()) found = devices_.emplace(index, enroll(secagg::Role::kDevice)).first;
    return found->second.get();
  }
  // Another coordinator of this fleet, in whose name plans can be signed.
  [[nodiscard]] identity::OwnedIdentity coordinator() { return enroll(secagg::Role::kCoordinator); }

 private:
  identity::OwnedIdentity enroll(secagg::Role role) {
    return identity::OwnedIdentity(authority_.enroll(role));
  }

  identity::Authority authority_;
  std::unordered_map<std::size_t, identity::OwnedIdentity> devices_;
};

}  // namespace sotto::simulation
