// What the ends of a pair have said of the key they share, one end counted and the other missing: whether the
// key can be taken as it was released, and who lied once it had to be agreed again. PROTOCOL.md 6.12.
#pragma once

#include <optional>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/secagg/wire.h"

namespace sotto::aggregator {

struct PairClaims {
  ParticipantIndex survivor;
  secagg::PairTag survivors_tag{};
  secagg::PairTag missing_ones_tag{};
  std::optional<secagg::MaskKey> released;  // nothing while the survivor is silent
};

// Whether a key was released that fits what both ends had said before either was missing. A tag has 64 bits,
// and ends that lie alike are as bad as a survivor whose vector is wrong, which nothing can tell.
[[nodiscard]] bool agree_on_key(const PairClaims& claims, ParticipantIndex missing,
                                const crypto::Digest& transcript);

// Whether the survivor itself has said that its key is another than the one it released.
[[nodiscard]] bool contradicts_itself(const PairClaims& claims, ParticipantIndex missing,
                                      const crypto::Digest& transcript);

// Adds to `liars` whoever said anything else of the pair than its key implies.
void name_liars(const PairClaims& claims, ParticipantIndex missing, const crypto::Digest& transcript,
                const secagg::MaskKey& key, std::vector<ParticipantIndex>& liars);

}  // namespace sotto::aggregator
