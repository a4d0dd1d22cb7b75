#include "secagg/roster_checks.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

bool holds_key(const AdvertisedKeys& keys, const crypto::X25519PublicKey& key) {
  return keys.channel == key || keys.mask == key;
}

}  // namespace

bool find_self(const Roster& roster, const AdvertisedKeys& own, ParticipantIndex& index) {
  std::size_t entries_with_own_keys = 0;
  bool complete = false;
  for (std::uint16_t i = 0; i < roster.graph.participants; ++i) {
    const AdvertisedKeys keys = roster.keys_of({i});
    if (!holds_key(keys, own.channel) && !holds_key(keys, own.mask)) continue;
    ++entries_with_own_keys;
    complete = keys == own;
    index = {i};
  }
  return entries_with_own_keys == 1 && complete;
}

// A device asks this of every neighbour, so that eight bytes decide first.
bool repeats_key(const Roster& roster, ParticipantIndex index) {
  const AdvertisedKeys own = roster.keys_of(index);
  const auto beginning = [](const std::uint8_t* key) { return load_le<std::uint64_t>(key); };
  const std::uint64_t channel = beginning(own.channel.data());
  const std::uint64_t mask = beginning(own.mask.data());
  const std::size_t stride = entry_bytes(roster.adversary);
  const std::uint8_t* entry = roster.entries.data();
  for (std::uint16_t i = 0; i < roster.graph.participants; ++i, entry += stride) {
    const std::uint64_t other_channel = beginning(entry);
    const std::uint64_t other_mask = beginning(entry + crypto::kX25519Bytes);
    const bool differs =
        other_channel != channel && other_channel != mask && other_mask != channel && other_mask != mask;
    if (differs || i == index.value) continue;
    const AdvertisedKeys other = roster.keys_of({i});
    if (holds_key(other, own.channel) || holds_key(other, own.mask)) return true;
  }
  return false;
}

bool identities_are_distinct(const Roster& roster, std::span<std::uint16_t> scratch) {
  SOTTO_CHECK(scratch.size() == roster.graph.participants);
  const auto compare = [&roster](std::uint16_t a, std::uint16_t b) {
    return std::memcmp(roster.identity_of({a}).data(), roster.identity_of({b}).data(), kIdentityBytes);
  };
  std::iota(scratch.begin(), scratch.end(), std::uint16_t{0});
  std::sort(scratch.begin(), scratch.end(),
            [&](std::uint16_t a, std::uint16_t b) { return compare(a, b) < 0; });
  const auto equal = [&](std::uint16_t a, std::uint16_t b) { return compare(a, b) == 0; };
  return std::adjacent_find(scratch.begin(), scratch.end(), equal) == scratch.end();
}

bool credential_holds(const Roster& roster, ParticipantIndex index, const Credential& credential,
                      const crypto::Digest& plan_digest, const crypto::Es256PublicKey& authority,
                      crypto::Es256Verifier& verifier) {
  const crypto::Digest identity = identity_of(credential.key);
  const Bytes claimed = roster.identity_of(index);
  if (!std::equal(identity.begin(), identity.end(), claimed.begin(), claimed.end())) return false;
  const Statement joined = join_statement(plan_digest, roster.entry_of(index).first(kAdvertiseBytes));
  return verify_credential(credential, Role::kDevice, authority, joined.bytes(), verifier);
}

}  // namespace sotto::secagg
