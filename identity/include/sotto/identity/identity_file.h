// An enrolled key as one PEM file (PROTOCOL.md section 9). Explanatory text, then these blocks in any order:
//
//   PRIVATE KEY                    PKCS #8; absent when a secure element holds the key
//   SOTTO DEVICE ENDORSEMENT       public key (65) || endorsement (100) || name
//     or SOTTO COORDINATOR ENDORSEMENT
//   PUBLIC KEY                     the authority's
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_buffer.h"
#include "sotto/secagg/identity.h"

namespace sotto::identity {

struct EnrolledKey {
  secagg::Role role = secagg::Role::kDevice;
  std::string name{};                          // that the endorsement is bound to; empty: none
  std::optional<crypto::Es256PrivateKey> key;  // nothing when it is held elsewhere
  crypto::Es256PublicKey public_key{};
  secagg::Endorsement endorsement{};
  crypto::Es256PublicKey authority{};
};

// `title` is for people.
[[nodiscard]] crypto::SecretBuffer encode_enrolled_key(const EnrolledKey& enrolled, const std::string& title);
// kInvalidArgument unless everything is there, for this role, and belongs together: the endorsement is the
// authority's, of this name and of the private key's public half. Says what is wrong. Whether it has ended or
// was revoked is asked when it is used.
[[nodiscard]] Result<EnrolledKey> decode_enrolled_key(std::string_view text, secagg::Role role);

// Writes with mode 0600. kPermissionDenied, kIo.
[[nodiscard]] Status save_enrolled_key(const std::filesystem::path& path, const EnrolledKey& enrolled,
                                       const std::string& title);
// As decode_enrolled_key(), naming the file; kNotFound when there is none.
[[nodiscard]] Result<EnrolledKey> load_enrolled_key(const std::filesystem::path& path, secagg::Role role);

// A P-256 private key alone, mode 0600. kNotFound; kDataLoss when the file holds something else.
[[nodiscard]] Result<crypto::Es256PrivateKey> load_private_key(const std::filesystem::path& path);
[[nodiscard]] Status save_private_key(const std::filesystem::path& path, const crypto::Es256PrivateKey& key);

// A P-256 public key alone, as `openssl pkey -pubout` writes it. kNotFound, kInvalidArgument.
[[nodiscard]] Result<crypto::Es256PublicKey> load_public_key(const std::filesystem::path& path);
// For everybody to read.
[[nodiscard]] Status save_public_key(const std::filesystem::path& path, const crypto::Es256PublicKey& key);

// Owns a signer and what the authority says of its key.
class OwnedIdentity {
 public:
  // Requires enrolled.key.
  explicit OwnedIdentity(EnrolledKey enrolled);
  // For a key held elsewhere, by a secure element for instance. `signer` must outlive this and hold the
  // enrolled key.
  OwnedIdentity(const EnrolledKey& enrolled, secagg::Signer& signer);

  [[nodiscard]] const secagg::Identity& get() const { return identity_; }
  // What the authority's bulletins have made of whom it trusts. What `trust` borrows must outlive this.
  void believe(const secagg::Trust& trust) { identity_.trust = trust; }
  // Where it remembers whose endorsements it has verified; must outlive this.
  void remember_in(secagg::EndorsementCache& verified) { identity_.verified = &verified; }

 private:
  std::unique_ptr<secagg::KeySigner> signer_;  // on the heap, so that moving this keeps identity_ valid
  secagg::Identity identity_;
};

// The identity in a file. A file without a private key needs `signer`, which must outlive the result and hold
// that very key; kInvalidArgument otherwise. Further errors as load_enrolled_key().
[[nodiscard]] Result<OwnedIdentity> load_identity(const std::filesystem::path& path, secagg::Role role,
                                                  secagg::Signer* signer = nullptr);

}  // namespace sotto::identity
