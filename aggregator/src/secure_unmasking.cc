// The end of a secure session: from the survivors' answers to the sum.
#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "ring_sum.h"
#include "secure_session.h"

namespace sotto::aggregator {

using secagg::Seed;

// One share per live neighbour by rank, and with that of a missing one the pair key (PROTOCOL.md 6.11).
void SecureSession::sort_answers_by_owner() {
  held_.assign(keys_.size(), {});
  claims_.clear();
  claims_.resize(keys_.size());
  for (std::size_t owner = 0; owner < keys_.size(); ++owner) {
    if (!alive_[owner]) continue;
    held_[owner].holders.reserve(graph_.parameters().neighbours);
    held_[owner].shares.reserve(graph_.parameters().neighbours);
    if (!counted_[owner]) claims_[owner].reserve(graph_.parameters().neighbours);
  }
  for (std::uint16_t holder = 0; holder < participant_count(); ++holder) {
    if (!counted_[holder]) continue;
    const bool silent = answers_[holder].empty();
    ByteReader answer(answers_[holder]);
    const std::span<const std::uint16_t> neighbours = graph_.of(holder);
    for (std::size_t rank = 0; rank < neighbours.size(); ++rank) {
      const std::size_t owner = neighbours[rank];
      if (!alive_[owner]) continue;
      secagg::Share share = secagg::kNoShare;
      if (!silent) answer.copy(share);
      if (share != secagg::kNoShare) {
        held_[owner].holders.push_back(ParticipantIndex{holder});
        held_[owner].shares.push_back(share);
      }
      if (counted_[owner]) continue;
      PairClaims& claims = claims_[owner].emplace_back(claims_of(holder, rank, owner));
      if (!silent) answer.copy(claims.released.emplace().reveal_mutable());
    }
    SOTTO_CHECK(answer.finished());
  }
  answers_.clear();
}

PairClaims SecureSession::claims_of(std::size_t survivor, std::size_t rank, std::size_t missing) const {
  PairClaims claims;
  claims.survivor = ParticipantIndex{static_cast<std::uint16_t>(survivor)};
  claims.survivors_tag = tag_of(survivor, rank);
  claims.missing_ones_tag = tag_of(missing, graph_.rank(missing, survivor));
  return claims;
}

secagg::PairTag SecureSession::tag_of(std::size_t sender, std::size_t rank) const {
  secagg::PairTag tag;
  std::copy_n(pair_tags_[sender].begin() + static_cast<std::ptrdiff_t>(rank * tag.size()), tag.size(),
              tag.begin());
  return tag;
}

bool SecureSession::lacks_a_pair(std::size_t missing) const {
  const std::vector<PairClaims>& claims = claims_[missing];
  return std::any_of(claims.begin(), claims.end(), [](const PairClaims& pair) { return !pair.released; });
}

SecureSession::Recovered SecureSession::recover(std::size_t owner) const {
  const ParticipantIndex index{static_cast<std::uint16_t>(owner)};
  Recovered secret;
  const auto genuine = [&](const Seed& seed) {
    if (counted_[owner]) return secagg::self_seed_commitment(seed, transcript_, index) == commitments_[owner];
    secret.mask_key = secagg::mask_private_key(seed);
    return secret.mask_key->public_key() == keys_[owner].mask;
  };
  secret.seed = recover_seed(held_[owner], graph_.parameters().threshold, genuine);
  return secret;
}

Result<SecureSession::Recovered> SecureSession::find_seed(std::size_t owner,
                                                          std::vector<ParticipantIndex>& liars) const {
  SOTTO_RETURN_IF_ERROR(too_few_shares(owner, held_[owner].shares.size()));
  Recovered secret = recover(owner);
  liars.insert(liars.end(), secret.seed.wrong.begin(), secret.seed.wrong.end());
  if (secret.seed.found) return secret;
  return aborted(fmt::format(
      "the seed of participant {} cannot be rebuilt from its {} shares: too many of them are wrong", owner,
      held_[owner].shares.size()));
}

Status SecureSession::find_masks(std::size_t owner, Unmasking& found) {
  if (need_of(owner) == Need::kNothing) return {};
  if (need_of(owner) == Need::kMaskSeed) return find_pair_masks(owner, found);
  const auto secret = find_seed(owner, found.liars);
  if (!secret) return secret.error();
  const ParticipantIndex self{static_cast<std::uint16_t>(owner)};
  secagg::self_mask_key(secret->seed.seed, transcript_, self, found.masks.emplace_back().key);
  return {};
}

// A key that both ends vouched for is used as it was released. For any other pair the missing one's mask seed
// is rebuilt, which costs an agreement and says who lied.
Status SecureSession::find_pair_masks(std::size_t missing, Unmasking& found) {
  const ParticipantIndex self{static_cast<std::uint16_t>(missing)};
  std::optional<Recovered> secret;
  found.masks.reserve(claims_[missing].size());
  for (PairClaims& claims : claims_[missing]) {
    Mask& mask = found.masks.emplace_back();
    // What the missing one would have contributed is the opposite of what its neighbour did.
    mask.removal = secagg::pair_mask_sign(self, claims.survivor);
    if (agree_on_key(claims, self, transcript_)) {
      mask.key = *std::move(claims.released);
      continue;
    }
    if (contradicts_itself(claims, self, transcript_)) found.liars.push_back(claims.survivor);
    if (!secret) {
      auto rebuilt = find_seed(missing, found.liars);
      if (!rebuilt) return rebuilt.error();
      secret = *std::move(rebuilt);
    }
    if (!secagg::pair_mask_key(*secret->mask_key, keys_[claims.survivor.value].mask, transcript_, self,
                               claims.survivor, mask.key)) {
      return aborted(fmt::format("a neighbour of participant {} has an unusable mask key", missing));
    }
    name_liars(claims, self, transcript_, mask.key, found.liars);
  }
  return {};
}

Result<std::vector<Mask>> SecureSession::masks_to_remove(Executor& executor) {
  std::vector<Unmasking> found(keys_.size());
  executor.parallel_for(keys_.size(),
                        [&](std::size_t owner) { found[owner].status = find_masks(owner, found[owner]); });
  for (const Unmasking& one : found) dishonest_.insert(dishonest_.end(), one.liars.begin(), one.liars.end());
  std::sort(dishonest_.begin(), dishonest_.end());
  dishonest_.erase(std::unique(dishonest_.begin(), dishonest_.end()), dishonest_.end());
  std::vector<Mask> masks;
  for (Unmasking& one : found) {
    SOTTO_RETURN_IF_ERROR(one.status);
    std::move(one.masks.begin(), one.masks.end(), std::back_inserter(masks));
  }
  return masks;
}

Result<CohortSum> SecureSession::finish(Executor& executor) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  const auto masks = masks_to_remove(executor);
  if (!masks) return masks.error();
  remove_masks(layout_, context_.prg, *masks, accumulator_, executor);
  held_.clear();
  claims_.clear();
  return decode_ring_sum(plan(), accumulator_, vectors_);
}

}  // namespace sotto::aggregator
