#include "sotto/identity/authority.h"

#include <fmt/core.h>

#include <utility>

#include "sotto/crypto/pem.h"
#include "sotto/host/file.h"
#include "sotto/identity/key_file.h"

namespace sotto::identity {
namespace {

using std::filesystem::path;

Status damaged(const path& file, const std::string& how) {
  return data_loss(fmt::format("the authority's {} {}: restore it from a backup", file.string(), how));
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

path authority_secret_file(const path& directory) { return directory / "authority-key.pem"; }

path authority_public_file(const path& directory) { return directory / "authority.pem"; }

Result<Authority> Authority::create(const path& directory) {
  for (const path& file : {authority_secret_file(directory), authority_public_file(directory)}) {
    if (host::is_there(file)) {
      return Status(StatusCode::kAlreadyExists, "there is an authority already: " + file.string() +
                                                    "; devices trust it, so it is not replaced");
    }
  }
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(directory));
  crypto::SystemRandom random;
  auto key = crypto::Es256PrivateKey::generate(random);
  SOTTO_RETURN_IF_ERROR(save_private_key(authority_secret_file(directory), key));
  SOTTO_RETURN_IF_ERROR(check_public_file(directory, key.public_key()));
  return Authority(std::move(key));
}

Result<Authority> Authority::open(const path& directory) {
  const path file = authority_secret_file(directory);
  auto key = load_private_key(file);
  if (!key && key.error().code() == StatusCode::kNotFound) {
    return not_found("there is no authority in " + directory.string() + " (no " + file.filename().string() +
                     ")");
  }
  if (!key) return key.error();
  SOTTO_RETURN_IF_ERROR(check_public_file(directory, key->public_key()));
  return Authority(std::move(*key));
}

Result<Authority> Authority::open_or_create(const path& directory) {
  Result<Authority> opened = open(directory);
  if (opened || opened.error().code() != StatusCode::kNotFound) return opened;
  return create(directory);
}

EnrolledKey Authority::enroll(secagg::Role role, Random& random, const secagg::EndorsementTerms& terms) {
  auto key = crypto::Es256PrivateKey::generate(random);
  EnrolledKey enrolled = enroll(role, key.public_key(), terms);
  enrolled.key = std::move(key);
  return enrolled;
}

EnrolledKey Authority::enroll(secagg::Role role, const crypto::Es256PublicKey& key,
                              const secagg::EndorsementTerms& terms) {
  EnrolledKey enrolled;
  enrolled.role = role;
  enrolled.public_key = key;
  enrolled.name = terms.name;
  enrolled.endorsement = secagg::endorse(*signer_, role, key, terms);
  enrolled.authority = public_key();
  return enrolled;
}

}  // namespace sotto::identity
