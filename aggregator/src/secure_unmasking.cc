// The end of a secure session: from the survivors' answers to the sum.
#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "ring_sum.h"
#include "secure_session.h"

namespace sotto::aggregator {

using secagg::Seed;

// An answer holds one share per live neighbour by rank (PROTOCOL.md 6.11).
void SecureSession::sort_answers_by_owner() {
  held_.assign(keys_.size(), {});
  for (std::uint16_t holder = 0; holder < participant_count(); ++holder) {
    if (answers_[holder].empty()) continue;
    ByteReader answer(answers_[holder]);
    for (const std::uint16_t owner : graph_.of(holder)) {
      if (!alive_[owner]) continue;
      secagg::Share share{};
      answer.copy(share);
      if (share == secagg::kNoShare) continue;
      held_[owner].holders.push_back(ParticipantIndex{holder});
      held_[owner].shares.push_back(share);
    }
    SOTTO_CHECK(answer.finished());
  }
  answers_.clear();
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

Status SecureSession::recover_all(Executor& executor, std::vector<Recovered>& secrets) {
  secrets.resize(keys_.size());
  executor.parallel_for(keys_.size(), [&](std::size_t owner) {
    if (need_of(owner) != Need::kNothing) secrets[owner] = recover(owner);
  });
  for (const Recovered& secret : secrets)
    dishonest_.insert(dishonest_.end(), secret.seed.wrong.begin(), secret.seed.wrong.end());
  std::sort(dishonest_.begin(), dishonest_.end());
  dishonest_.erase(std::unique(dishonest_.begin(), dishonest_.end()), dishonest_.end());
  for (std::size_t owner = 0; owner < keys_.size(); ++owner) {
    if (need_of(owner) == Need::kNothing || secrets[owner].seed.found) continue;
    return aborted(fmt::format(
        "the seed of participant {} cannot be rebuilt from its {} shares: too many of them are wrong", owner,
        held_[owner].shares.size()));
  }
  return {};
}

Result<std::vector<Mask>> SecureSession::masks_to_remove(const std::vector<Recovered>& secrets,
                                                         Executor& executor) const {
  std::vector<std::size_t> first(keys_.size() + 1);  // where each owner's masks begin
  for (std::size_t owner = 0; owner < keys_.size(); ++owner) {
    const Need need = need_of(owner);
    const std::size_t count = need == Need::kMaskSeed   ? graph_.count(owner, counted_)
                              : need == Need::kSelfSeed ? 1
                                                        : 0;
    first[owner + 1] = first[owner] + count;
  }
  std::vector<Mask> masks(first.back());
  std::vector<std::uint8_t> refused(keys_.size());  // not vector<bool>: written from several threads
  executor.parallel_for(keys_.size(), [&](std::size_t owner) {
    const ParticipantIndex self{static_cast<std::uint16_t>(owner)};
    std::span<Mask> own = std::span(masks).subspan(first[owner], first[owner + 1] - first[owner]);
    if (own.empty()) return;
    const crypto::Hkdf transcript(transcript_);
    if (counted_[owner]) {
      secagg::self_mask_key(secrets[owner].seed.seed, transcript, self, own.front().key);
      return;
    }
    const crypto::X25519PrivateKey& mask_key = *secrets[owner].mask_key;
    for (const std::uint16_t neighbour : graph_.of(owner)) {
      if (!counted_[neighbour]) continue;
      const ParticipantIndex peer{neighbour};
      const bool agreed =
          secagg::pair_mask_key(mask_key, keys_[neighbour].mask, transcript, self, peer, own.front().key);
      if (!agreed) refused[owner] = 1;
      // What the missing one would have contributed is the opposite of what its neighbour did.
      own.front().removal = secagg::pair_mask_sign(self, peer);
      own = own.subspan(1);
    }
  });
  const auto failed = std::find(refused.begin(), refused.end(), 1);
  if (failed != refused.end()) {
    return aborted("a neighbour of participant " + std::to_string(failed - refused.begin()) +
                   " has an unusable mask key");
  }
  return masks;
}

Result<CohortSum> SecureSession::finish(Executor& executor) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  std::vector<Recovered> secrets;
  SOTTO_RETURN_IF_ERROR(recover_all(executor, secrets));
  const auto masks = masks_to_remove(secrets, executor);
  if (!masks) return masks.error();
  remove_masks(layout_, context_.prg, *masks, accumulator_, executor);
  held_.clear();
  return decode_ring_sum(plan(), accumulator_, vectors_);
}

}  // namespace sotto::aggregator
