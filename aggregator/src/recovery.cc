#include "recovery.h"

#include <numeric>
#include <utility>

#include "sotto/crypto/primitives.h"

namespace sotto::aggregator {
namespace {

using secagg::Seed;
using Subset = std::vector<std::size_t>;  // places in HeldShares

bool combine(const HeldShares& held, const Subset& subset, Seed& seed) {
  std::vector<std::uint32_t> points;
  std::vector<secagg::Share> shares;
  for (const std::size_t place : subset) {
    points.push_back(std::uint32_t{held.holders[place].value} + 1);
    shares.push_back(held.shares[place]);
  }
  std::vector<std::uint64_t> weights(points.size());
  return secagg::lagrange_at_zero(points, weights) && secagg::combine_shares(shares, weights, seed);
}

// The first `threshold` places; `search` then changes them until they give the seed.
class SubsetSearch {
 public:
  SubsetSearch(const HeldShares& held, std::size_t threshold, const SeedCheck& genuine)
      : held_(held), genuine_(genuine), subset_(threshold) {
    std::iota(subset_.begin(), subset_.end(), std::size_t{0});
  }

  bool run(Seed& seed) {
    if (try_subset(seed)) return true;
    wrong_seen_ = true;
    if (held_.shares.size() == subset_.size()) return false;
    return replace_one(seed) || draw_at_random(seed);
  }
  [[nodiscard]] const Subset& subset() const { return subset_; }
  // Whether a choice was tried that does not give the seed.
  [[nodiscard]] bool wrong_seen() const { return wrong_seen_; }

 private:
  bool try_subset(Seed& seed) const { return combine(held_, subset_, seed) && genuine_(seed); }

  bool replace_one(Seed& seed) {
    const std::size_t spare = subset_.size();
    for (std::size_t& place : subset_) {
      const std::size_t replaced = std::exchange(place, spare);
      if (try_subset(seed)) return true;
      place = replaced;
    }
    return false;
  }

  bool draw_at_random(Seed& seed) {
    crypto::SeededRandom random(held_.shares.size());  // any fixed seed: only repeatability is asked of it
    Subset places(held_.shares.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    for (std::size_t attempt = 0; attempt < kRandomSubsetsMax; ++attempt) {
      for (std::size_t i = 0; i < subset_.size(); ++i) {
        std::swap(places[i], places[i + random.below(places.size() - i)]);
        subset_[i] = places[i];
      }
      if (try_subset(seed)) return true;
    }
    return false;
  }

  const HeldShares& held_;
  const SeedCheck& genuine_;
  Subset subset_;
  bool wrong_seen_ = false;
};

// Every share outside a choice that gave the seed is put in place of one of its members: a right one gives
// the same seed.
std::vector<ParticipantIndex> wrong_holders(const HeldShares& held, const Subset& right, const Seed& seed) {
  std::vector<bool> known(held.shares.size(), false);
  for (const std::size_t place : right) known[place] = true;
  std::vector<ParticipantIndex> wrong;
  for (std::size_t place = 0; place < known.size(); ++place) {
    if (known[place]) continue;
    Subset swapped = right;
    swapped.front() = place;
    Seed candidate;
    if (!combine(held, swapped, candidate) || !(candidate == seed)) wrong.push_back(held.holders[place]);
  }
  return wrong;
}

}  // namespace

RecoveredSeed recover_seed(const HeldShares& held, std::size_t threshold, const SeedCheck& genuine) {
  RecoveredSeed recovered;
  if (threshold == 0 || held.shares.size() < threshold) return recovered;
  SubsetSearch search(held, threshold, genuine);
  recovered.found = search.run(recovered.seed);
  if (recovered.found && search.wrong_seen())
    recovered.wrong = wrong_holders(held, search.subset(), recovered.seed);
  return recovered;
}

}  // namespace sotto::aggregator
