// A fleet's authority: the key that endorses devices and coordinators (PROTOCOL.md section 9). Whoever holds
// it can invent devices.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "sotto/base/result.h"
#include "sotto/identity/identity_file.h"

namespace sotto::identity {

class Authority {
 public:
  // Over a key that lives wherever the signer keeps it.
  explicit Authority(std::shared_ptr<secagg::Signer> signer) : signer_(std::move(signer)) {}
  // Makes one in `directory`: authority-key.pem (mode 0600) and authority.pem, its public key. Makes the
  // directory (mode 0700) when missing. kAlreadyExists when it holds an authority; kIo, kPermissionDenied.
  [[nodiscard]] static Result<Authority> create(const std::filesystem::path& directory);
  // kNotFound when there is no authority, kDataLoss when its files are damaged or do not fit each other.
  [[nodiscard]] static Result<Authority> open(const std::filesystem::path& directory);
  [[nodiscard]] static Result<Authority> open_or_create(const std::filesystem::path& directory);

  [[nodiscard]] const crypto::Es256PublicKey& public_key() const { return signer_->public_key(); }
  [[nodiscard]] secagg::Signer& signer() { return *signer_; }
  // Makes a key and endorses it.
  [[nodiscard]] EnrolledKey enroll(secagg::Role role, Random& random, const secagg::EndorsementTerms& terms);
  // Endorses a key that is held elsewhere.
  [[nodiscard]] EnrolledKey enroll(secagg::Role role, const crypto::Es256PublicKey& key,
                                   const secagg::EndorsementTerms& terms);

 private:
  explicit Authority(crypto::Es256PrivateKey key)
      : Authority(std::make_shared<secagg::KeySigner>(std::move(key))) {}

  std::shared_ptr<secagg::Signer> signer_;
};

[[nodiscard]] std::filesystem::path authority_secret_file(const std::filesystem::path& directory);
[[nodiscard]] std::filesystem::path authority_public_file(const std::filesystem::path& directory);

}  // namespace sotto::identity
