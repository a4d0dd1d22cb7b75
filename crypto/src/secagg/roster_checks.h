// What a device looks for in a roster before it believes it (PROTOCOL.md section 6.3).
#pragma once

#include <cstdint>
#include <span>

#include "sotto/secagg/wire.h"

namespace sotto::secagg {

// Finds the one entry that holds both own keys. False when there is none, or when either key occurs anywhere
// else.
[[nodiscard]] bool find_self(const Roster& roster, const AdvertisedKeys& own, ParticipantIndex& index);

// Whether a key of entry `index` is in another entry too.
[[nodiscard]] bool repeats_key(const Roster& roster, ParticipantIndex index);

// Signed sessions: whether no identity is in two entries. `scratch` has one element per participant.
[[nodiscard]] bool identities_are_distinct(const Roster& roster, std::span<std::uint16_t> scratch);

// Signed sessions: whether `credential` is of entry `index`'s identity, which the authority endorsed and
// which signed the entry's keys for this plan.
[[nodiscard]] bool credential_holds(const Roster& roster, ParticipantIndex index,
                                    const Credential& credential, const crypto::Digest& plan_digest,
                                    const crypto::Es256PublicKey& authority, crypto::Es256Verifier& verifier);

}  // namespace sotto::secagg
