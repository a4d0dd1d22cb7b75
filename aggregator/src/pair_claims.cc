#include "pair_claims.h"

namespace sotto::aggregator {

bool agree_on_key(const PairClaims& claims, ParticipantIndex missing, const crypto::Digest& transcript) {
  const bool tags_agree = claims.survivors_tag == claims.missing_ones_tag;
  return tags_agree && claims.released && !contradicts_itself(claims, missing, transcript);
}

bool contradicts_itself(const PairClaims& claims, ParticipantIndex missing,
                        const crypto::Digest& transcript) {
  return claims.released &&
         secagg::pair_tag(*claims.released, transcript, claims.survivor, missing) != claims.survivors_tag;
}

void name_liars(const PairClaims& claims, ParticipantIndex missing, const crypto::Digest& transcript,
                const secagg::MaskKey& key, std::vector<ParticipantIndex>& liars) {
  const secagg::PairTag tag = secagg::pair_tag(key, transcript, claims.survivor, missing);
  const bool released_another = claims.released && !(*claims.released == key);
  if (claims.survivors_tag != tag || released_another) liars.push_back(claims.survivor);
  if (claims.missing_ones_tag != tag) liars.push_back(missing);
}

}  // namespace sotto::aggregator
