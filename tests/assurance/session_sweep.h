// The secure session at one cohort size: every drop point, and share subsets around the threshold.
#pragma once

#include <cstdint>

#include "sotto/secagg/identity.h"

namespace sotto::assurance {

// Fails the running test where a sum is wrong, missing although enough shares are there, or present although
// too few are.
void sweep_drop_points(std::uint16_t participants, secagg::Adversary adversary);
void sweep_share_subsets(std::uint16_t participants, secagg::Adversary adversary);

}  // namespace sotto::assurance
