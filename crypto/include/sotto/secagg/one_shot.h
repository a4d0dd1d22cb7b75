// One-shot sessions: a device sends one message, its masked vector and the mask's seed sealed to a helper
// that another party runs, and may sleep. With two helpers there are two masks, and the sums that helpers
// give out can be checked (checked_mask.h). PROTOCOL.md section 10 gives every byte. Freestanding, no heap:
// decoders borrow from their input.
//
//   device        one_shot_mask(), one_shot_sign()    -> message -> coordinator
//   coordinator   decode_one_shot(), check_sealed_mask(); adds the vectors
//   coordinator   helper request: the sealed masks of one set -> helper
//   helper        check_sealed_mask(), open_sealed_mask(); the sum of the masks -> coordinator
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/inline_list.h"
#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/hpke.h"
#include "sotto/secagg/checked_mask.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

inline constexpr std::size_t kHelpersMax = 2;
inline constexpr std::size_t kMaskSeedBytes = 32;
using MaskSeed = crypto::SecretBytes<kMaskSeedBytes>;
using SealedSeed = std::array<std::uint8_t, kMaskSeedBytes + crypto::kHpkeOverheadBytes>;
// One for each helper, in the order in which the plan names them.
using SealedSeeds = InlineList<SealedSeed, kHelpersMax>;
// One for each helper when there are two, otherwise none.
using MaskTags = InlineList<std::uint64_t, kHelpersMax>;
inline constexpr std::size_t kBlindBytes = 32;
using Blind = std::array<std::uint8_t, kBlindBytes>;

// What helpers are told of a device: the seeds, a commitment to the vector that they mask and to its tags,
// and the device's signature of all. The commitment is blind, so that a helper, who knows its mask, cannot
// try guesses at the vector.
struct SealedMask {
  SealedSeeds seeds{};
  crypto::Digest commitment{};
  Credential credential{};
  friend bool operator==(const SealedMask&, const SealedMask&) = default;
};
[[nodiscard]] constexpr std::size_t sealed_mask_bytes(std::size_t helpers) {
  return helpers * sizeof(SealedSeed) + sizeof(crypto::Digest) + kCredentialBytes;
}
static_assert(sealed_mask_bytes(1) == 341 && sealed_mask_bytes(2) == 421);
// Requires out.size() == sealed_mask_bytes(mask.seeds.size()).
void encode_sealed_mask(const SealedMask& mask, MutableBytes out);
// Requires 1 <= helpers <= kHelpersMax.
[[nodiscard]] Rejection decode_sealed_mask(Bytes message, std::size_t helpers, SealedMask& mask);

// Whether an enrolled device made this mask for this plan: as check_credential(). `now` is in seconds since
// the Unix epoch.
[[nodiscard]] Rejection check_sealed_mask(const SealedMask& mask, const crypto::Digest& plan_digest,
                                          const Trust& trust, std::uint64_t now);

// ---- device ----

// Whom a device seals its masks to. Borrowed.
struct MaskHelpers {
  std::span<const crypto::X25519PublicKey> keys{};  // one, or two in the order in which the plan names them
  const CheckKey* check_key = nullptr;              // of two: the round's
  // Whether these are all the parties of a plan with so many helpers.
  [[nodiscard]] bool complete(std::size_t helpers) const {
    return keys.size() == helpers && (helpers == 1 || check_key != nullptr);
  }
};
struct OneShotSeals {
  SealedSeeds seeds{};
  MaskTags tags{};
};
// Adds to `ring`, `layout`'s vector, a mask under a fresh seed for each helper and seals the seeds to them
// for the device of this identity. Requires that `helpers` are complete. kBadKey, with `ring` wiped, when a
// helper's key is of small order.
[[nodiscard]] Rejection one_shot_mask(const SessionContext& context, const RingLayout& layout,
                                      const MaskHelpers& helpers, const crypto::Digest& identity,
                                      Random& random, MutableBytes ring, OneShotSeals& seals);
// The message is a header and the masked vector as it travels. Signs for both and writes the header, which
// must have one_shot_header_bytes() of as many helpers as there are seeds.
[[nodiscard]] constexpr std::size_t one_shot_header_bytes(std::size_t helpers) {
  const std::size_t tags = helpers == 1 ? 0 : helpers;
  return helpers * sizeof(SealedSeed) + kBlindBytes + tags * sizeof(std::uint64_t) + kCredentialBytes;
}
static_assert(one_shot_header_bytes(1) == 341 && one_shot_header_bytes(2) == 437);
void one_shot_sign(const crypto::Digest& plan_digest, const Identity& device, const OneShotSeals& seals,
                   Bytes vector, Random& random, MutableBytes header);

// ---- coordinator ----

struct OneShotMessage {
  SealedMask mask;  // the commitment is that of the blind, tags and vector that came
  MaskTags tags;
  Bytes vector;
};
// kMalformed when the message is shorter than its header. Whether the mask is the device's is
// check_sealed_mask()'s to say, the vector's length the caller's.
[[nodiscard]] Rejection decode_one_shot(Bytes message, std::size_t helpers, OneShotMessage& decoded);

// ---- helper ----

// Which helper opens a seed: its key, and its place in the plan.
struct SeedOpener {
  const crypto::X25519PrivateKey& key;
  std::size_t place = 0;
};
// False when the seed does not open: it was sealed to another key, for another device, plan or ring.
// Requires opener.place < mask.seeds.size().
[[nodiscard]] bool open_sealed_mask(const SealedMask& mask, const SessionContext& context,
                                    const RingLayout& layout, const SeedOpener& opener, MaskKey& key);

// What the coordinator asks the helper: the sum of the masks of one set of devices.
struct HelperRequest {
  Credential plan_credential{};        // the coordinator's, of the plan (PROTOCOL.md section 9)
  crypto::Es256Signature signature{};  // by the same key, of request_statement()
  Bytes plan;                          // at most limits::kPlanBytesMax
  Bytes masks;  // sealed_mask_bytes() each, at most limits::kParticipantsMax, ascending by identity
  std::size_t helpers = 1;  // seeds in each
  [[nodiscard]] std::size_t mask_count() const { return masks.size() / sealed_mask_bytes(helpers); }
  [[nodiscard]] SealedMask mask(std::size_t index) const;  // requires index < mask_count()
};
inline constexpr std::size_t kHelperRequestHeaderBytes = 6 + kCredentialBytes + crypto::kEs256SignatureBytes;
[[nodiscard]] constexpr std::size_t helper_request_bytes(std::size_t plan_bytes, std::size_t masks,
                                                         std::size_t helpers = 1) {
  return kHelperRequestHeaderBytes + plan_bytes + masks * sealed_mask_bytes(helpers);
}
// Requires out.size() == helper_request_bytes(...) and the bounds above.
void encode_helper_request(const HelperRequest& request, MutableBytes out);
// Checks lengths and bounds: kWrongVersion, kMalformed. Neither order nor signatures are looked at.
[[nodiscard]] Rejection decode_helper_request(Bytes message, HelperRequest& request);
// Names one set of devices and what they sent.
[[nodiscard]] crypto::Digest mask_set_digest(const crypto::Digest& plan_digest, const HelperRequest& request);

// Of whom the coordinator asks what.
struct AskedSet {
  crypto::Digest helper{};  // SHA-256 of its X25519 public key, as the plan names it
  crypto::Digest plan{};    // H(plan)
  crypto::Digest set{};     // mask_set_digest()
};
// What a coordinator signs to have its set answered. A plan is answered once: without this whoever knows it,
// as each of its devices does, could spend it on a set of their own.
[[nodiscard]] Statement request_statement(const AskedSet& asked);
// Whether whoever signed the plan asks for this set: kBadSignature. Whether that key is a coordinator's is
// for check_credential() to say of the plan's credential.
[[nodiscard]] Rejection check_request(const HelperRequest& request, const AskedSet& asked);

}  // namespace sotto::secagg
