// One-shot sessions: a device sends one message, its masked vector and the mask's seed sealed to a helper
// that another party runs, and may sleep. PROTOCOL.md section 10 gives every byte. Freestanding, no heap:
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

#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/hpke.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

inline constexpr std::size_t kMaskSeedBytes = 32;
using MaskSeed = crypto::SecretBytes<kMaskSeedBytes>;
using SealedSeed = std::array<std::uint8_t, kMaskSeedBytes + crypto::kHpkeOverheadBytes>;
inline constexpr std::size_t kBlindBytes = 32;
using Blind = std::array<std::uint8_t, kBlindBytes>;

// What the helper is told of a device: the seed, a commitment to the vector that it masks, and the device's
// signature of both. The commitment is blind, so that the helper, who knows the mask, cannot try guesses at
// the vector.
struct SealedMask {
  SealedSeed seed{};
  crypto::Digest commitment{};
  Credential credential{};
  friend bool operator==(const SealedMask&, const SealedMask&) = default;
};
inline constexpr std::size_t kSealedMaskBytes =
    sizeof(SealedSeed) + sizeof(crypto::Digest) + kCredentialBytes;
static_assert(kSealedMaskBytes == 341);
void encode_sealed_mask(const SealedMask& mask, std::span<std::uint8_t, kSealedMaskBytes> out);
[[nodiscard]] Rejection decode_sealed_mask(Bytes message, SealedMask& mask);

// Whether an enrolled device made this mask for this plan: as check_credential(). `now` is in seconds since
// the Unix epoch.
[[nodiscard]] Rejection check_sealed_mask(const SealedMask& mask, const crypto::Digest& plan_digest,
                                          const Trust& trust, std::uint64_t now);

// ---- device ----

// Adds to `ring`, `layout`'s vector, a mask under a fresh seed and seals this seed to the helper for the
// device of this identity. kBadKey, with `ring` wiped, when the helper's key is of small order.
[[nodiscard]] Rejection one_shot_mask(const SessionContext& context, const RingLayout& layout,
                                      const crypto::X25519PublicKey& helper, const crypto::Digest& identity,
                                      Random& random, MutableBytes ring, SealedSeed& sealed);
// The message is a header and the masked vector as it travels. Signs for both and writes the header.
inline constexpr std::size_t kOneShotHeaderBytes = kSealedMaskBytes - sizeof(crypto::Digest) + kBlindBytes;
void one_shot_sign(const crypto::Digest& plan_digest, const Identity& device, const SealedSeed& sealed,
                   Bytes vector, Random& random, std::span<std::uint8_t, kOneShotHeaderBytes> header);

// ---- coordinator ----

struct OneShotMessage {
  SealedMask mask;  // the commitment is that of the blind and vector that came
  Bytes vector;
};
// kMalformed when the message is shorter than its header. Whether the mask is the device's is
// check_sealed_mask()'s to say, the vector's length the caller's.
[[nodiscard]] Rejection decode_one_shot(Bytes message, OneShotMessage& decoded);

// ---- helper ----

// False when the seed does not open: it was sealed to another key, for another device, plan or ring.
[[nodiscard]] bool open_sealed_mask(const SealedMask& mask, const SessionContext& context,
                                    const RingLayout& layout, const crypto::X25519PrivateKey& helper,
                                    MaskKey& key);

// What the coordinator asks the helper: the sum of the masks of one set of devices.
struct HelperRequest {
  Credential plan_credential{};        // the coordinator's, of the plan (PROTOCOL.md section 9)
  crypto::Es256Signature signature{};  // by the same key, of request_statement()
  Bytes plan;                          // at most limits::kPlanBytesMax
  Bytes masks;  // kSealedMaskBytes each, at most limits::kParticipantsMax, ascending by identity
  [[nodiscard]] std::size_t mask_count() const { return masks.size() / kSealedMaskBytes; }
  [[nodiscard]] SealedMask mask(std::size_t index) const;  // requires index < mask_count()
};
inline constexpr std::size_t kHelperRequestHeaderBytes = 6 + kCredentialBytes + crypto::kEs256SignatureBytes;
[[nodiscard]] constexpr std::size_t helper_request_bytes(std::size_t plan_bytes, std::size_t masks) {
  return kHelperRequestHeaderBytes + plan_bytes + masks * kSealedMaskBytes;
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
