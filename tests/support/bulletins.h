// Bulletins of an authority for tests, by hand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sotto/secagg/bulletin.h"

namespace sotto::secagg {

struct BulletinDraft {
  std::vector<Rotation> rotations{};
  std::uint32_t edition = 1;
  std::uint32_t endorsements_from = 0;
  std::vector<crypto::Digest> revoked{};  // in any order
};

inline std::vector<std::uint8_t> signed_bulletin(Signer& authority, BulletinDraft draft) {
  std::ranges::sort(draft.revoked);
  std::vector<std::uint8_t> rotations(draft.rotations.size() * kRotationBytes);
  for (std::size_t i = 0; i < draft.rotations.size(); ++i) {
    encode_rotation(draft.rotations[i],
                    std::span(rotations).subspan(i * kRotationBytes).first<kRotationBytes>());
  }
  std::vector<std::uint8_t> revoked;
  for (const crypto::Digest& identity : draft.revoked)
    revoked.insert(revoked.end(), identity.begin(), identity.end());
  std::vector<std::uint8_t> message(bulletin_bytes(draft.rotations.size(), draft.revoked.size()));
  sign_bulletin({.rotations = rotations,
                 .edition = draft.edition,
                 .endorsements_from = draft.endorsements_from,
                 .revoked = revoked},
                authority, message);
  return message;
}

}  // namespace sotto::secagg
