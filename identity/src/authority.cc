#include "sotto/identity/authority.h"

#include <fmt/core.h>

#include <system_error>
#include <utility>

#include "sotto/crypto/pem.h"
#include "sotto/host/file.h"
#include "sotto/identity/key_file.h"

namespace sotto::identity {
namespace {

using std::filesystem::path;

path secret_file(const path& directory) { return directory / "authority-key.pem"; }

Status damaged(const path& file, const std::string& how) {
  return data_loss(fmt::format("the authority's {} {}: restore it from a backup", file.string(), how));
}

Result<crypto::Es256PrivateKey> decode_secret(const path& file, const crypto::SecretBuffer& text) {
  const auto blocks = crypto::pem_decode(text.reveal_text());
  if (!blocks || blocks->empty()) return damaged(file, "holds no private key");
  auto key = crypto::private_key_from_der(blocks->front().content.reveal());
  if (!key) return damaged(file, "holds no P-256 private key");
  return std::move(*key);
}

// The public file follows the secret one: after a crash between the two the next opening writes it.
Status check_public_file(const path& directory, const crypto::Es256PublicKey& key) {
  const path file = authority_public_file(directory);
  const Result<crypto::Es256PublicKey> published = load_public_key(file);
  if (published) return *published == key ? Status() : damaged(file, "is not the public half of its key");
  if (published.error().code() != StatusCode::kNotFound) return published.error();
  return save_public_key(file, key);
}

}  // namespace

path authority_public_file(const path& directory) { return directory / "authority.pem"; }

Result<Authority> Authority::create(const path& directory) {
  for (const path& file : {secret_file(directory), authority_public_file(directory)}) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
      return Status(StatusCode::kAlreadyExists, "there is an authority already: " + file.string() +
                                                    "; devices trust it, so it is not replaced");
    }
  }
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(directory));
  crypto::SystemRandom random;
  auto key = crypto::Es256PrivateKey::generate(random);
  SOTTO_RETURN_IF_ERROR(
      write_key_file(secret_file(directory), crypto::private_key_to_pem(key).reveal_text(), kSecretFile));
  SOTTO_RETURN_IF_ERROR(check_public_file(directory, key.public_key()));
  return Authority(std::move(key));
}

Result<Authority> Authority::open(const path& directory) {
  const path file = secret_file(directory);
  const Result<std::optional<crypto::SecretBuffer>> text = read_key_file(file);
  if (!text) return text.error();
  if (!text->has_value()) {
    return not_found(
        fmt::format("there is no authority in {} (no {})", directory.string(), file.filename().string()));
  }
  auto key = decode_secret(file, **text);
  if (!key) return key.error();
  SOTTO_RETURN_IF_ERROR(check_public_file(directory, key->public_key()));
  return Authority(std::move(*key));
}

Result<Authority> Authority::open_or_create(const path& directory) {
  Result<Authority> opened = open(directory);
  if (opened || opened.error().code() != StatusCode::kNotFound) return opened;
  return create(directory);
}

EnrolledKey Authority::enroll(secagg::Role role, Random& random) {
  auto key = crypto::Es256PrivateKey::generate(random);
  EnrolledKey enrolled = enroll(role, key.public_key());
  enrolled.key = std::move(key);
  return enrolled;
}

EnrolledKey Authority::enroll(secagg::Role role, const crypto::Es256PublicKey& key) {
  EnrolledKey enrolled;
  enrolled.role = role;
  enrolled.public_key = key;
  enrolled.endorsement = secagg::endorse(*signer_, role, key);
  enrolled.authority = public_key();
  return enrolled;
}

}  // namespace sotto::identity
