// PROTOCOL.md section 10.
#include "sotto/secagg/one_shot.h"

#include <algorithm>

#include "secagg/labels.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::secagg {
namespace {

constexpr std::uint8_t kHelperRequestVersion = 2;

// What a sealed seed is bound to beside its device.
class SealInfo {
 public:
  SealInfo(const SessionContext& context, const RingLayout& layout) {
    ByteWriter writer(bytes_);
    writer.bytes(labels::kOneShotSeed);
    writer.bytes(context.plan_digest);
    writer.bytes(context.model_digest);
    writer.u64(context.round);
    writer.u8(layout.bits());
    SOTTO_CHECK(writer.ok() && writer.written() == bytes_.size());
  }
  [[nodiscard]] Bytes bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, labels::kOneShotSeed.size() + 2 * sizeof(crypto::Digest) + 9> bytes_;
};

void derive_mask_key(const MaskSeed& seed, const crypto::Digest& plan_digest, const crypto::Digest& identity,
                     MaskKey& key) {
  std::array<std::uint8_t, labels::kOneShotMask.size() + sizeof(crypto::Digest)> info;
  ByteWriter writer(info);
  writer.bytes(labels::kOneShotMask);
  writer.bytes(identity);
  crypto::hkdf_sha256({.input_key = seed.reveal(), .salt = plan_digest, .info = info}, key.reveal_mutable());
}

crypto::Digest commit(Bytes blind, Bytes vector) {
  return crypto::sha256({labels::kOneShotVector, blind, vector});
}

Statement one_shot_statement(const crypto::Digest& plan_digest, const SealedSeed& seed,
                             const crypto::Digest& commitment) {
  return {labels::kOneShot, plan_digest, seed, commitment};
}

}  // namespace

void encode_sealed_mask(const SealedMask& mask, std::span<std::uint8_t, kSealedMaskBytes> out) {
  ByteWriter writer(out);
  writer.bytes(mask.seed);
  writer.bytes(mask.commitment);
  encode_credential(mask.credential, writer.reserve(kCredentialBytes).first<kCredentialBytes>());
}

Rejection decode_sealed_mask(Bytes message, SealedMask& mask) {
  ByteReader reader(message);
  reader.copy(mask.seed);
  reader.copy(mask.commitment);
  const Rejection rejection = decode_credential(reader.bytes(kCredentialBytes), mask.credential);
  return reader.finished() ? rejection : Rejection::kMalformed;
}

Rejection check_sealed_mask(const SealedMask& mask, const crypto::Digest& plan_digest, const Trust& trust,
                            std::uint64_t now) {
  const Statement statement = one_shot_statement(plan_digest, mask.seed, mask.commitment);
  return check_credential(mask.credential,
                          {.role = Role::kDevice, .trust = trust, .message = statement.bytes(), .now = now});
}

Rejection one_shot_mask(const SessionContext& context, const RingLayout& layout,
                        const crypto::X25519PublicKey& helper, const crypto::Digest& identity, Random& random,
                        MutableBytes ring, SealedSeed& sealed) {
  MaskSeed seed;
  random.fill(seed.reveal_mutable());
  const SealInfo info(context, layout);
  if (!crypto::hpke_seal(helper, {.info = info.bytes(), .associated_data = identity}, seed.reveal(), random,
                         sealed)) {
    crypto::wipe(ring);
    return Rejection::kBadKey;
  }
  MaskKey key;
  derive_mask_key(seed, context.plan_digest, identity, key);
  crypto::Keystream stream(context.prg);
  stream.rekey(key);
  ring_apply_mask(layout, ring, stream, MaskSign::kAdd);
  return Rejection::kNone;
}

void one_shot_sign(const crypto::Digest& plan_digest, const Identity& device, const SealedSeed& sealed,
                   Bytes vector, Random& random, std::span<std::uint8_t, kOneShotHeaderBytes> header) {
  Blind blind;
  random.fill(blind);
  const Statement statement = one_shot_statement(plan_digest, sealed, commit(blind, vector));
  const Credential credential = make_credential(device.signer, device.endorsement, statement);
  ByteWriter writer(header);
  writer.bytes(sealed);
  writer.bytes(blind);
  encode_credential(credential, writer.reserve(kCredentialBytes).first<kCredentialBytes>());
}

Rejection decode_one_shot(Bytes message, OneShotMessage& decoded) {
  if (message.size() < kOneShotHeaderBytes) return Rejection::kMalformed;
  ByteReader reader(message);
  reader.copy(decoded.mask.seed);
  const Bytes blind = reader.bytes(kBlindBytes);
  const Bytes credential = reader.bytes(kCredentialBytes);
  decoded.vector = message.subspan(kOneShotHeaderBytes);
  decoded.mask.commitment = commit(blind, decoded.vector);
  return decode_credential(credential, decoded.mask.credential);
}

bool open_sealed_mask(const SealedMask& mask, const SessionContext& context, const RingLayout& layout,
                      const crypto::X25519PrivateKey& helper, MaskKey& key) {
  const crypto::Digest identity = identity_of(mask.credential.key);
  const SealInfo info(context, layout);
  MaskSeed seed;
  if (!crypto::hpke_open(helper, {.info = info.bytes(), .associated_data = identity}, mask.seed,
                         seed.reveal_mutable())) {
    return false;
  }
  derive_mask_key(seed, context.plan_digest, identity, key);
  return true;
}

SealedMask HelperRequest::mask(std::size_t index) const {
  SOTTO_CHECK(index < mask_count());
  SealedMask decoded;
  SOTTO_CHECK(
      accepted(decode_sealed_mask(masks.subspan(index * kSealedMaskBytes, kSealedMaskBytes), decoded)));
  return decoded;
}

void encode_helper_request(const HelperRequest& request, MutableBytes out) {
  SOTTO_CHECK(request.plan.size() <= limits::kPlanBytesMax);
  SOTTO_CHECK(request.masks.size() % kSealedMaskBytes == 0);
  SOTTO_CHECK(request.mask_count() <= limits::kParticipantsMax);
  ByteWriter writer(out);
  writer.u8(kHelperRequestVersion);
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(request.plan.size()));
  writer.u16(static_cast<std::uint16_t>(request.mask_count()));
  encode_credential(request.plan_credential, writer.reserve(kCredentialBytes).first<kCredentialBytes>());
  writer.bytes(request.signature);
  writer.bytes(request.plan);
  writer.bytes(request.masks);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_helper_request(Bytes message, HelperRequest& request) {
  if (message.size() < kHelperRequestHeaderBytes) return Rejection::kMalformed;
  ByteReader reader(message);
  const std::uint8_t version = reader.u8();
  const std::uint8_t reserved = reader.u8();
  const std::size_t plan_bytes = reader.u16();
  const std::size_t mask_count = reader.u16();
  const Bytes credential = reader.bytes(kCredentialBytes);
  reader.copy(request.signature);
  if (version != kHelperRequestVersion) return Rejection::kWrongVersion;
  if (reserved != 0 || plan_bytes > limits::kPlanBytesMax || mask_count > limits::kParticipantsMax) {
    return Rejection::kMalformed;
  }
  request.plan = reader.bytes(plan_bytes);
  request.masks = reader.bytes(mask_count * kSealedMaskBytes);
  if (!reader.finished()) return Rejection::kMalformed;
  return decode_credential(credential, request.plan_credential);
}

crypto::Digest mask_set_digest(const crypto::Digest& plan_digest, const HelperRequest& request) {
  std::array<std::uint8_t, 2> count;
  store_le(count.data(), static_cast<std::uint16_t>(request.mask_count()));
  return crypto::sha256({labels::kOneShotSet, plan_digest, count, request.masks});
}

Statement request_statement(const AskedSet& asked) {
  return {labels::kOneShotRequest, asked.helper, asked.plan, asked.set};
}

Rejection check_request(const HelperRequest& request, const AskedSet& asked) {
  const Statement statement = request_statement(asked);
  return crypto::es256_verify(request.plan_credential.key, statement.bytes(), request.signature)
             ? Rejection::kNone
             : Rejection::kBadSignature;
}

}  // namespace sotto::secagg
