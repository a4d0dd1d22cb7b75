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

Bytes bytes_of(const SealedSeeds& seeds) {
  return {reinterpret_cast<const std::uint8_t*>(seeds.data()), seeds.size() * sizeof(SealedSeed)};
}
static_assert(sizeof(std::array<SealedSeed, kHelpersMax>) == kHelpersMax * sizeof(SealedSeed));

// The tags as they travel.
class TagBytes {
 public:
  explicit TagBytes(const MaskTags& tags) : size_(tags.size() * sizeof(std::uint64_t)) {
    ByteWriter writer(bytes_);
    for (const std::uint64_t tag : tags) writer.u64(tag);
  }
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, kHelpersMax * sizeof(std::uint64_t)> bytes_;
  std::size_t size_;
};

crypto::Digest commit(Bytes blind, const MaskTags& tags, Bytes vector) {
  return crypto::sha256({labels::kOneShotVector, blind, TagBytes(tags).bytes(), vector});
}

Statement one_shot_statement(const crypto::Digest& plan_digest, const SealedSeeds& seeds,
                             const crypto::Digest& commitment) {
  return {labels::kOneShot, plan_digest, bytes_of(seeds), commitment};
}

void read_seeds(ByteReader& reader, std::size_t helpers, SealedSeeds& seeds) {
  SOTTO_CHECK(helpers >= 1 && seeds.resize(helpers));
  for (SealedSeed& seed : seeds) reader.copy(seed);
}

// Applies the mask of one seed; its tag when there are two helpers.
void apply_mask(const SessionContext& context, const RingLayout& layout, const MaskKey& key,
                const CheckKey* check_key, MutableBytes ring, MaskTags& tags) {
  if (check_key == nullptr) {
    crypto::Keystream stream(context.prg);
    stream.rekey(key);
    return ring_apply_mask(layout, ring, stream, MaskSign::kAdd);
  }
  MaskKey coefficients;
  coefficient_key(*check_key, context.plan_digest, coefficients);
  SOTTO_CHECK(tags.push_back(
      apply_checked_mask(layout, ring, {.mask = key, .coefficients = coefficients, .prg = context.prg})));
}

}  // namespace

void encode_sealed_mask(const SealedMask& mask, MutableBytes out) {
  ByteWriter writer(out);
  writer.bytes(bytes_of(mask.seeds));
  writer.bytes(mask.commitment);
  encode_credential(mask.credential, writer.reserve(kCredentialBytes).first<kCredentialBytes>());
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_sealed_mask(Bytes message, std::size_t helpers, SealedMask& mask) {
  ByteReader reader(message);
  read_seeds(reader, helpers, mask.seeds);
  reader.copy(mask.commitment);
  const Rejection rejection = decode_credential(reader.bytes(kCredentialBytes), mask.credential);
  return reader.finished() ? rejection : Rejection::kMalformed;
}

Rejection check_sealed_mask(const SealedMask& mask, const crypto::Digest& plan_digest, const Trust& trust,
                            std::uint64_t now) {
  const Statement statement = one_shot_statement(plan_digest, mask.seeds, mask.commitment);
  return check_credential(mask.credential,
                          {.role = Role::kDevice, .trust = trust, .message = statement.bytes(), .now = now});
}

Rejection one_shot_mask(const SessionContext& context, const RingLayout& layout, const MaskHelpers& helpers,
                        const crypto::Digest& identity, Random& random, MutableBytes ring,
                        OneShotSeals& seals) {
  SOTTO_CHECK(helpers.complete(helpers.keys.size()) && seals.seeds.resize(helpers.keys.size()));
  const CheckKey* const check_key = helpers.keys.size() == 1 ? nullptr : helpers.check_key;
  const SealInfo info(context, layout);
  seals.tags = {};
  for (std::size_t i = 0; i < helpers.keys.size(); ++i) {
    MaskSeed seed;
    random.fill(seed.reveal_mutable());
    if (!crypto::hpke_seal(helpers.keys[i], {.info = info.bytes(), .associated_data = identity},
                           seed.reveal(), random, seals.seeds[i])) {
      crypto::wipe(ring);
      return Rejection::kBadKey;
    }
    MaskKey key;
    derive_mask_key(seed, context.plan_digest, identity, key);
    apply_mask(context, layout, key, check_key, ring, seals.tags);
  }
  return Rejection::kNone;
}

void one_shot_sign(const crypto::Digest& plan_digest, const Identity& device, const OneShotSeals& seals,
                   Bytes vector, Random& random, MutableBytes header) {
  Blind blind;
  random.fill(blind);
  const Statement statement = one_shot_statement(plan_digest, seals.seeds, commit(blind, seals.tags, vector));
  const Credential credential = make_credential(device.signer, device.endorsement, statement);
  ByteWriter writer(header);
  writer.bytes(bytes_of(seals.seeds));
  writer.bytes(blind);
  writer.bytes(TagBytes(seals.tags).bytes());
  encode_credential(credential, writer.reserve(kCredentialBytes).first<kCredentialBytes>());
  SOTTO_CHECK(writer.ok() && writer.written() == header.size());
}

Rejection decode_one_shot(Bytes message, std::size_t helpers, OneShotMessage& decoded) {
  if (message.size() < one_shot_header_bytes(helpers)) return Rejection::kMalformed;
  ByteReader reader(message);
  read_seeds(reader, helpers, decoded.mask.seeds);
  const Bytes blind = reader.bytes(kBlindBytes);
  SOTTO_CHECK(decoded.tags.resize(helpers == 1 ? 0 : helpers));
  for (std::uint64_t& tag : decoded.tags) tag = reader.u64();
  const Bytes credential = reader.bytes(kCredentialBytes);
  decoded.vector = message.subspan(one_shot_header_bytes(helpers));
  decoded.mask.commitment = commit(blind, decoded.tags, decoded.vector);
  return decode_credential(credential, decoded.mask.credential);
}

bool open_sealed_mask(const SealedMask& mask, const SessionContext& context, const RingLayout& layout,
                      const SeedOpener& opener, MaskKey& key) {
  SOTTO_CHECK(opener.place < mask.seeds.size());
  const crypto::Digest identity = identity_of(mask.credential.key);
  const SealInfo info(context, layout);
  MaskSeed seed;
  if (!crypto::hpke_open(opener.key, {.info = info.bytes(), .associated_data = identity},
                         mask.seeds[opener.place], seed.reveal_mutable())) {
    return false;
  }
  derive_mask_key(seed, context.plan_digest, identity, key);
  return true;
}

SealedMask HelperRequest::mask(std::size_t index) const {
  SOTTO_CHECK(index < mask_count());
  SealedMask decoded;
  const std::size_t bytes = sealed_mask_bytes(helpers);
  SOTTO_CHECK(accepted(decode_sealed_mask(masks.subspan(index * bytes, bytes), helpers, decoded)));
  return decoded;
}

void encode_helper_request(const HelperRequest& request, MutableBytes out) {
  SOTTO_CHECK(request.plan.size() <= limits::kPlanBytesMax);
  SOTTO_CHECK(request.helpers >= 1 && request.helpers <= kHelpersMax);
  SOTTO_CHECK(request.masks.size() % sealed_mask_bytes(request.helpers) == 0);
  SOTTO_CHECK(request.mask_count() <= limits::kParticipantsMax);
  ByteWriter writer(out);
  writer.u8(kHelperRequestVersion);
  writer.u8(static_cast<std::uint8_t>(request.helpers - 1));
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
  const std::size_t other_helpers = reader.u8();
  const std::size_t plan_bytes = reader.u16();
  const std::size_t mask_count = reader.u16();
  const Bytes credential = reader.bytes(kCredentialBytes);
  reader.copy(request.signature);
  if (version != kHelperRequestVersion) return Rejection::kWrongVersion;
  if (other_helpers >= kHelpersMax || plan_bytes > limits::kPlanBytesMax ||
      mask_count > limits::kParticipantsMax) {
    return Rejection::kMalformed;
  }
  request.plan = reader.bytes(plan_bytes);
  request.helpers = 1 + other_helpers;
  request.masks = reader.bytes(mask_count * sealed_mask_bytes(request.helpers));
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
