// PROTOCOL.md section 9.
#include "sotto/secagg/identity.h"

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {

void encode_credential(const Credential& credential, std::span<std::uint8_t, kCredentialBytes> out) {
  ByteWriter writer(out);
  writer.bytes(credential.key);
  writer.bytes(credential.endorsement);
  writer.bytes(credential.signature);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_credential(Bytes message, Credential& credential) {
  ByteReader reader(message);
  reader.copy(credential.key);
  reader.copy(credential.endorsement);
  reader.copy(credential.signature);
  return reader.finished() ? Rejection::kNone : Rejection::kMalformed;
}

Statement::Statement(std::initializer_list<Bytes> parts) {
  ByteWriter writer(bytes_);
  for (const Bytes part : parts) writer.bytes(part);
  size_ = writer.ok() ? writer.written() : 0;
}

Statement endorsement_statement(Role role, const crypto::Es256PublicKey& key) {
  const Bytes label = role == Role::kDevice ? Bytes(labels::kDevice) : Bytes(labels::kCoordinator);
  return {label, key};
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

Statement plan_statement(Bytes plan) { return {labels::kPlan, plan}; }

crypto::Es256Signature endorse(Signer& authority, Role role, const crypto::Es256PublicKey& key) {
  return authority.sign(endorsement_statement(role, key).bytes());
}

Credential make_credential(Signer& signer, const crypto::Es256Signature& endorsement,
                           const Statement& statement) {
  return {
      .key = signer.public_key(), .endorsement = endorsement, .signature = signer.sign(statement.bytes())};
}

bool verify_credential(const Credential& credential, Role role, const crypto::Es256PublicKey& authority,
                       Bytes message) {
  crypto::Es256Verifier verifier;
  return verify_credential(credential, role, authority, message, verifier);
}

bool verify_credential(const Credential& credential, Role role, const crypto::Es256PublicKey& authority,
                       Bytes message, crypto::Es256Verifier& verifier) {
  if (message.empty()) return false;
  const Statement endorsed = endorsement_statement(role, credential.key);
  return verifier.verify(authority, endorsed.bytes(), credential.endorsement) &&
         verifier.verify(credential.key, message, credential.signature);
}

crypto::Digest identity_of(const crypto::Es256PublicKey& key) { return crypto::sha256({key}); }

}  // namespace sotto::secagg
