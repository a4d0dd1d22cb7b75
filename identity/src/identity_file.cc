#include "sotto/identity/identity_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "sotto/base/check.h"
#include "sotto/crypto/pem.h"
#include "sotto/identity/key_file.h"

namespace sotto::identity {
namespace {

using secagg::Role;

constexpr std::string_view kPrivateKind = "a private key";
constexpr std::size_t kNamelessBytes = crypto::kEs256PublicKeyBytes + secagg::kEndorsementBytes;

const char* endorsement_label(Role role) {
  return role == Role::kDevice ? "SOTTO DEVICE ENDORSEMENT" : "SOTTO COORDINATOR ENDORSEMENT";
}

const char* name_of(Role role) { return role == Role::kDevice ? "a device" : "a coordinator"; }

Role other(Role role) { return role == Role::kDevice ? Role::kCoordinator : Role::kDevice; }

class Blocks {
 public:
  explicit Blocks(std::vector<crypto::PemBlock> blocks) : blocks_(std::move(blocks)) {}

  // Null when there is none.
  [[nodiscard]] const crypto::PemBlock* find(std::string_view label) const {
    const auto found = std::ranges::find(blocks_, label, &crypto::PemBlock::label);
    return found == blocks_.end() ? nullptr : &*found;
  }

 private:
  std::vector<crypto::PemBlock> blocks_;
};

Status read_private_key(const Blocks& blocks, std::optional<crypto::Es256PrivateKey>& key) {
  if (blocks.find("ENCRYPTED PRIVATE KEY") != nullptr) {
    return invalid_argument("its private key is encrypted, which is not supported: rely on the file's mode");
  }
  const crypto::PemBlock* block = blocks.find(crypto::kPrivateKeyLabel);
  if (block == nullptr) block = blocks.find("EC PRIVATE KEY");
  if (block == nullptr) return {};
  key = crypto::private_key_from_der(block->content.reveal());
  if (!key) return invalid_argument("its private key is not a P-256 key");
  return {};
}

Status read_endorsement(const Blocks& blocks, EnrolledKey& enrolled) {
  const crypto::PemBlock* block = blocks.find(endorsement_label(enrolled.role));
  if (block == nullptr && blocks.find(endorsement_label(other(enrolled.role))) != nullptr) {
    return invalid_argument(fmt::format("it is the identity of {}, not of {}", name_of(other(enrolled.role)),
                                        name_of(enrolled.role)));
  }
  if (block == nullptr) {
    return invalid_argument(std::string("it has no ") + endorsement_label(enrolled.role) +
                            ": `sotto authority enroll` writes identity files");
  }
  const std::size_t size = block->content.size();
  if (size < kNamelessBytes || size > kNamelessBytes + secagg::kEndorsedNameBytesMax) {
    return invalid_argument(
        fmt::format("its endorsement has {} bytes, not {} and a name", size, kNamelessBytes));
  }
  ByteReader reader(block->content.reveal());
  reader.copy(enrolled.public_key);
  SOTTO_CHECK(
      accepted(secagg::decode_endorsement(reader.bytes(secagg::kEndorsementBytes), enrolled.endorsement)));
  const Bytes name = reader.bytes(reader.remaining());
  enrolled.name.assign(name.begin(), name.end());
  return {};
}

Status read_authority(const Blocks& blocks, crypto::Es256PublicKey& authority) {
  const crypto::PemBlock* block = blocks.find(crypto::kPublicKeyLabel);
  if (block == nullptr) return invalid_argument("it has no PUBLIC KEY, the authority's");
  const auto key = crypto::public_key_from_der(block->content.reveal());
  if (!key) return invalid_argument("its PUBLIC KEY, the authority's, is not a P-256 key");
  authority = *key;
  return {};
}

Status check_together(const EnrolledKey& enrolled) {
  const secagg::Statement statement =
      secagg::endorsement_statement(enrolled.role, enrolled.public_key, enrolled.endorsement);
  if (!crypto::es256_verify(enrolled.authority, statement.bytes(), enrolled.endorsement.signature)) {
    return invalid_argument("its endorsement is not by the authority whose public key it holds");
  }
  if (secagg::name_tag(enrolled.public_key, enrolled.name) != enrolled.endorsement.name) {
    return invalid_argument("its name is not the one that was endorsed");
  }
  if (!enrolled.name.empty() && !secagg::valid_endorsed_name(enrolled.name)) {
    return invalid_argument("its name is not 1 to 64 bytes of printable ASCII");
  }
  if (enrolled.key && enrolled.key->public_key() != enrolled.public_key) {
    return invalid_argument("its private key is not the one that was endorsed");
  }
  return {};
}

Status with_advice(const Status& status) {
  return {status.code(), status.message() + ": restore it from a backup"};
}

// Of what was given in the place of `wanted`: nothing is lost, and no backup would help.
Status another_kind(const std::filesystem::path& path, std::string_view kind, std::string_view wanted) {
  return invalid_argument(fmt::format("{} is {}, not {}: name the right file", path.string(), kind, wanted));
}

Result<crypto::SecretBuffer> read_text(const std::filesystem::path& path) {
  Result<std::optional<crypto::SecretBuffer>> text = read_key_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return not_found("there is no file " + path.string());
  return std::move(**text);
}

}  // namespace

crypto::SecretBuffer encode_enrolled_key(const EnrolledKey& enrolled, const std::string& title) {
  crypto::SecretBuffer text(title + "\n");
  if (enrolled.key) text.append(crypto::private_key_to_pem(*enrolled.key).reveal());
  std::vector<std::uint8_t> endorsement(enrolled.public_key.begin(), enrolled.public_key.end());
  endorsement.resize(kNamelessBytes);
  secagg::encode_endorsement(enrolled.endorsement, std::span(endorsement).last<secagg::kEndorsementBytes>());
  endorsement.insert(endorsement.end(), enrolled.name.begin(), enrolled.name.end());
  text.append(crypto::pem_encode(endorsement_label(enrolled.role), endorsement));
  text.append(crypto::public_key_to_pem(enrolled.authority));
  return text;
}

Result<EnrolledKey> decode_enrolled_key(std::string_view text, Role role) {
  Result<std::vector<crypto::PemBlock>> decoded = crypto::pem_decode(text);
  if (!decoded) return decoded.error();
  const Blocks blocks(std::move(*decoded));
  EnrolledKey enrolled;
  enrolled.role = role;
  SOTTO_RETURN_IF_ERROR(read_endorsement(blocks, enrolled));
  SOTTO_RETURN_IF_ERROR(read_private_key(blocks, enrolled.key));
  SOTTO_RETURN_IF_ERROR(read_authority(blocks, enrolled.authority));
  SOTTO_RETURN_IF_ERROR(check_together(enrolled));
  return enrolled;
}

Status save_enrolled_key(const std::filesystem::path& path, const EnrolledKey& enrolled,
                         const std::string& title) {
  return write_key_file(path, encode_enrolled_key(enrolled, title).reveal_text(), kSecretFile);
}

Result<EnrolledKey> load_enrolled_key(const std::filesystem::path& path, Role role) {
  const Result<crypto::SecretBuffer> text = read_text(path);
  if (!text && text.error().code() == StatusCode::kNotFound) return with_advice(text.error());
  if (!text) return text.error();
  Result<EnrolledKey> enrolled = decode_enrolled_key(text->reveal_text(), role);
  const std::string_view kind = kind_of_key_file(text->reveal_text());
  const std::string own = std::string("the identity of ") + name_of(role);
  // What is left of an identity that was cut off may be its private key.
  if (!enrolled && !kind.empty() && kind != own && kind != kPrivateKind) {
    const std::string wanted = kind.starts_with("the identity") ? std::string("of ") + name_of(role) : own;
    return another_kind(path, kind, wanted + ", which `sotto authority enroll` writes");
  }
  if (!enrolled) return with_advice(enrolled.error().with_context("identity file " + path.string()));
  return enrolled;
}

Result<crypto::Es256PrivateKey> load_private_key(const std::filesystem::path& path) {
  const Result<crypto::SecretBuffer> text = read_text(path);
  if (!text) return text.error();
  const auto blocks = crypto::pem_decode(text->reveal_text());
  auto key = blocks && !blocks->empty() ? crypto::private_key_from_der(blocks->front().content.reveal())
                                        : std::nullopt;
  const std::string_view kind = kind_of_key_file(text->reveal_text());
  if (!key && !kind.empty() && kind != kPrivateKind) {
    return data_loss(fmt::format("{} is {}, not {}: name the right file, or restore it from a backup",
                                 path.string(), kind, kPrivateKind));
  }
  if (!key) return data_loss(path.string() + " holds no P-256 private key: restore it from a backup");
  return std::move(*key);
}

Status save_private_key(const std::filesystem::path& path, const crypto::Es256PrivateKey& key) {
  return write_key_file(path, crypto::private_key_to_pem(key).reveal_text(), kSecretFile);
}

Result<crypto::Es256PublicKey> load_public_key(const std::filesystem::path& path) {
  const Result<crypto::SecretBuffer> text = read_text(path);
  if (!text) return text.error();
  const Result<std::vector<crypto::PemBlock>> blocks = crypto::pem_decode(text->reveal_text());
  if (!blocks) return with_advice(blocks.error().with_context(path.string()));
  const auto block = std::ranges::find(*blocks, crypto::kPublicKeyLabel, &crypto::PemBlock::label);
  const std::string_view kind = kind_of_key_file(text->reveal_text());
  if (block == blocks->end() && !kind.empty()) return another_kind(path, kind, "a public key");
  if (block == blocks->end())
    return with_advice(invalid_argument(path.string() + " holds no PUBLIC KEY in PEM form"));
  const auto key = crypto::public_key_from_der(block->content.reveal());
  if (!key) {
    return with_advice(invalid_argument(path.string() + ": its PUBLIC KEY is not an uncompressed P-256 key"));
  }
  return *key;
}

Status save_public_key(const std::filesystem::path& path, const crypto::Es256PublicKey& key) {
  return write_key_file(path, crypto::public_key_to_pem(key), kPublicFile);
}

OwnedIdentity::OwnedIdentity(EnrolledKey enrolled)
    : signer_((SOTTO_CHECK(enrolled.key.has_value()),
               std::make_unique<secagg::KeySigner>(std::move(*enrolled.key)))),
      identity_{*signer_, enrolled.endorsement, enrolled.authority} {}

OwnedIdentity::OwnedIdentity(const EnrolledKey& enrolled, secagg::Signer& signer)
    : identity_{signer, enrolled.endorsement, enrolled.authority} {
  SOTTO_CHECK(signer.public_key() == enrolled.public_key);
}

Result<OwnedIdentity> load_identity(const std::filesystem::path& path, Role role, secagg::Signer* signer) {
  Result<EnrolledKey> enrolled = load_enrolled_key(path, role);
  if (!enrolled) return enrolled.error();
  if (enrolled->key) return OwnedIdentity(std::move(*enrolled));
  const std::string name = "identity file " + path.string();
  if (signer == nullptr) {
    return invalid_argument(
        name +
        " holds no private key: give the signer that holds it, or restore the file from a "
        "backup");
  }
  if (signer->public_key() != enrolled->public_key) {
    return invalid_argument(name + " is of another key than the signer's");
  }
  return OwnedIdentity(*enrolled, *signer);
}

}  // namespace sotto::identity
