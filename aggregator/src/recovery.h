// Rebuilding a seed from shares of which some may be wrong.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/secagg/shamir.h"

namespace sotto::aggregator {

// The shares of one seed that came back, each with who held it.
struct HeldShares {
  std::vector<ParticipantIndex> holders;
  std::vector<secagg::Share> shares;  // one per holder
};

struct RecoveredSeed {
  bool found = false;
  secagg::Seed seed;
  std::vector<ParticipantIndex> wrong;  // whose shares do not lie on the seed's polynomial
};

// Whether a candidate is the seed its owner committed itself to.
using SeedCheck = std::function<bool(const secagg::Seed&)>;

// Tries the first `threshold` shares and, when they do not give the seed, other choices: each of the first
// replaced in turn, then random ones, at most kRandomSubsetsMax. Deterministic. Not found when fewer than
// `threshold` shares are given.
[[nodiscard]] RecoveredSeed recover_seed(const HeldShares& held, std::size_t threshold,
                                         const SeedCheck& genuine);

inline constexpr std::size_t kRandomSubsetsMax = 512;

}  // namespace sotto::aggregator
