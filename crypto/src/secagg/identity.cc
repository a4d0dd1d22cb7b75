// PROTOCOL.md section 9.
#include "sotto/secagg/identity.h"

#include <algorithm>
#include <cstring>

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

// The key whose endorsements have this epoch.
const crypto::Es256PublicKey& authority_of(const Trust& trust, std::uint32_t epoch) {
  return epoch >= trust.authority_since ? trust.authority : trust.authority_before;
}

bool is_endorsed(const Credential& credential, const CredentialCheck& check,
                 crypto::Es256Verifier& verifier) {
  const Endorsement& endorsement = credential.endorsement;
  const crypto::Es256PublicKey& authority = authority_of(check.trust, endorsement.epoch);
  const Statement statement = endorsement_statement(check.role, credential.key, endorsement);
  const auto verify = [&] { return verifier.verify(authority, statement.bytes(), endorsement.signature); };
  if (check.verified == nullptr) return verify();
  const auto name = EndorsementCache::name_of(authority, statement.bytes(), endorsement.signature);
  if (check.verified->holds(name)) return true;
  if (!verify()) return false;
  check.verified->keep(name);
  return true;
}

}  // namespace

bool valid_endorsed_name(std::string_view name) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return !name.empty() && name.size() <= kEndorsedNameBytesMax && std::ranges::all_of(name, printable);
}

NameTag name_tag(const crypto::Es256PublicKey& key, std::string_view name) {
  const crypto::Digest digest = crypto::sha256({labels::kName, key, text_bytes(name)});
  NameTag tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

void encode_endorsement(const Endorsement& endorsement, std::span<std::uint8_t, kEndorsementBytes> out) {
  ByteWriter writer(out);
  writer.u64(endorsement.issued_at);
  writer.u64(endorsement.expires_at);
  writer.u32(endorsement.epoch);
  writer.bytes(endorsement.name);
  writer.bytes(endorsement.signature);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_endorsement(Bytes message, Endorsement& endorsement) {
  ByteReader reader(message);
  endorsement.issued_at = reader.u64();
  endorsement.expires_at = reader.u64();
  endorsement.epoch = reader.u32();
  reader.copy(endorsement.name);
  reader.copy(endorsement.signature);
  return reader.finished() ? Rejection::kNone : Rejection::kMalformed;
}

void encode_credential(const Credential& credential, std::span<std::uint8_t, kCredentialBytes> out) {
  ByteWriter writer(out);
  writer.bytes(credential.key);
  encode_endorsement(credential.endorsement, writer.reserve(kEndorsementBytes).first<kEndorsementBytes>());
  writer.bytes(credential.signature);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_credential(Bytes message, Credential& credential) {
  ByteReader reader(message);
  reader.copy(credential.key);
  const Bytes endorsement = reader.bytes(kEndorsementBytes);
  reader.copy(credential.signature);
  if (!reader.finished()) return Rejection::kMalformed;
  return decode_endorsement(endorsement, credential.endorsement);
}

template <std::size_t BytesMax>
BoundedStatement<BytesMax>::BoundedStatement(std::initializer_list<Bytes> parts) {
  ByteWriter writer(bytes_);
  for (const Bytes part : parts) writer.bytes(part);
  size_ = writer.ok() ? writer.written() : 0;
}
template class BoundedStatement<Statement::kBytesMax>;
template class BoundedStatement<PlanStatement::kBytesMax>;

Statement endorsement_statement(Role role, const crypto::Es256PublicKey& key,
                                const Endorsement& endorsement) {
  const Bytes label = role == Role::kDevice ? Bytes(labels::kDevice) : Bytes(labels::kCoordinator);
  std::array<std::uint8_t, kEndorsementBytes> encoded;
  encode_endorsement(endorsement, encoded);
  return {label, key, Bytes(encoded).first(kEndorsementBytes - crypto::kEs256SignatureBytes)};
}

Statement join_statement(const crypto::Digest& plan_digest, Bytes keys) {
  return {labels::kJoin, plan_digest, keys};
}

Statement survivors_statement(const crypto::Digest& transcript, ParticipantIndex signer,
                              const crypto::Digest& survivors) {
  std::array<std::uint8_t, 2> index;
  store_le(index.data(), signer.value);
  return {labels::kSurvivors, transcript, index, survivors};
}

PlanStatement plan_statement(Bytes plan) { return {labels::kPlan, plan}; }

Statement check_in_statement(const crypto::Digest& coordinator, TaskId task, Bytes challenge,
                             std::string_view device_id) {
  std::array<std::uint8_t, 9> numbers;
  store_le(numbers.data(), task.value);
  numbers[8] = static_cast<std::uint8_t>(challenge.size());
  return {labels::kCheckIn, coordinator, numbers, challenge, text_bytes(device_id)};
}

Statement update_statement(const crypto::Digest& coordinator, Bytes challenge, std::string_view device_id) {
  const std::uint8_t length = static_cast<std::uint8_t>(challenge.size());
  return {labels::kUpdate, coordinator, Bytes(&length, 1), challenge, text_bytes(device_id)};
}

Endorsement endorse(Signer& authority, Role role, const crypto::Es256PublicKey& key,
                    const EndorsementTerms& terms) {
  SOTTO_CHECK(terms.issued_at < terms.expires_at);
  Endorsement endorsement{.issued_at = terms.issued_at,
                          .expires_at = terms.expires_at,
                          .epoch = terms.epoch,
                          .name = name_tag(key, terms.name),
                          .signature = {}};
  endorsement.signature = authority.sign(endorsement_statement(role, key, endorsement).bytes());
  return endorsement;
}

Credential make_credential(Signer& signer, const Endorsement& endorsement, Bytes message) {
  return {.key = signer.public_key(), .endorsement = endorsement, .signature = signer.sign(message)};
}

crypto::Digest identity_of(const crypto::Es256PublicKey& key) { return crypto::sha256({key}); }

bool Trust::is_revoked(const crypto::Digest& identity) const {
  std::size_t first = 0;
  std::size_t count = kept != nullptr ? kept->count() : revoked.size() / identity.size();
  crypto::Digest one;
  while (count > 0) {
    const std::size_t middle = first + count / 2;
    if (kept == nullptr) {
      std::memcpy(one.data(), revoked.data() + middle * one.size(), one.size());
    } else if (!kept->read(middle, one)) {
      return true;
    }
    const int order = std::memcmp(one.data(), identity.data(), identity.size());
    if (order == 0) return true;
    if (order < 0) {
      first = middle + 1;
      count -= count / 2 + 1;
    } else {
      count /= 2;
    }
  }
  return false;
}

Rejection check_credential(const Credential& credential, const CredentialCheck& check) {
  crypto::Es256Verifier verifier;
  return check_credential(credential, check, verifier);
}

// What costs nothing comes first: it spares whoever is flooded with old credentials the signatures.
Rejection check_credential(const Credential& credential, const CredentialCheck& check,
                           crypto::Es256Verifier& verifier) {
  const Endorsement& endorsement = credential.endorsement;
  if (check.message.empty()) return Rejection::kBadSignature;
  if (endorsement.epoch < check.trust.endorsements_from ||
      check.trust.is_revoked(identity_of(credential.key))) {
    return Rejection::kRevoked;
  }
  if (check.now != kNoClock && check.now >= endorsement.expires_at) return Rejection::kExpired;
  const bool holds = is_endorsed(credential, check, verifier) &&
                     verifier.verify(credential.key, check.message, credential.signature);
  return holds ? Rejection::kNone : Rejection::kBadSignature;
}

}  // namespace sotto::secagg
