// An authority with all that it has done, as a folder: what `sotto authority` works on. Every operation is on
// disk before its result is handed out, and one that was cut short is carried out, or undone, when the folder
// is opened again.
//
//   authority-key.pem        the key, mode 0600: whoever has it can invent devices
//   authority.pem            its public half: devices, coordinators and helpers pin it
//   register.txt             whom it has endorsed (register.h), mode 0600
//   bulletin.pem             what it makes known (secagg/bulletin.h): for coordinators and helpers
//   authority-key-next.pem   while the key is being changed
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "sotto/base/result.h"
#include "sotto/host/folder_lock.h"
#include "sotto/identity/authority.h"
#include "sotto/identity/register.h"

namespace sotto::identity {

[[nodiscard]] std::filesystem::path authority_bulletin_file(const std::filesystem::path& directory);

// Seconds since the Unix epoch.
struct Term {
  std::uint64_t from = 0;
  std::uint64_t until = 0;
};

// Several processes may work on one: an operation is carried out on what the folder holds by then, and those
// of others wait for it, 10 s at most (kUnavailable).
class AuthorityFolder {
 public:
  // As Authority::create() and open(), with a register. A key without a register has lost it
  // (kDataLoss): it would endorse whom it has revoked.
  [[nodiscard]] static Result<AuthorityFolder> create(const std::filesystem::path& directory);
  [[nodiscard]] static Result<AuthorityFolder> open(const std::filesystem::path& directory);
  [[nodiscard]] static Result<AuthorityFolder> open_or_create(const std::filesystem::path& directory);

  [[nodiscard]] const crypto::Es256PublicKey& public_key() const { return authority_.public_key(); }
  [[nodiscard]] const Register& entries() const { return register_; }

  // Makes a key and endorses it. kAlreadyExists when the name is taken by one that is not revoked;
  // kInvalidArgument for a name that is no printable text, or a term that ends before it begins.
  [[nodiscard]] Result<EnrolledKey> enroll(secagg::Role role, const std::string& name, const Term& term);
  // Endorses a key that is held elsewhere. kAlreadyExists, too, when that key is in the register.
  [[nodiscard]] Result<EnrolledKey> enroll(secagg::Role role, const std::string& name,
                                           const crypto::Es256PublicKey& key, const Term& term);
  // Endorses the key of that name once more; touches no other. kNotFound.
  [[nodiscard]] Result<EnrolledKey> renew(secagg::Role role, const std::string& name, const Term& term);
  // Takes it back: a new bulletin says so. kNotFound; kResourceExhausted when a bulletin can list no more, so
  // that the key is to be changed.
  [[nodiscard]] Status revoke(secagg::Role role, const std::string& name, std::uint64_t now);
  // It comes from a backup: the next bulletin has a number that none had since. What is known stays in force
  // with devices until then, so whoever was revoked meanwhile stays out of theirs.
  [[nodiscard]] Status restored();
  // A new key, which the old one vouches for and which vouches for what the old one endorsed; or, when the
  // old one may be in other hands, takes back all of that. The old key is gone afterwards.
  enum class OldKey : std::uint8_t { kTrusted, kStolen };
  [[nodiscard]] Status rotate(OldKey old_key);

 private:
  AuthorityFolder(std::filesystem::path directory, Authority authority, Register contents)
      : directory_(std::move(directory)), authority_(std::move(authority)), register_(std::move(contents)) {}

  // Of whoever holds the lock.
  [[nodiscard]] static Result<AuthorityFolder> load(const std::filesystem::path& directory);
  // Takes the lock, and up what others have done meanwhile.
  [[nodiscard]] Result<host::FolderLock> begin();
  [[nodiscard]] Status check_new(secagg::Role role, const std::string& name, const Term& term);
  [[nodiscard]] Result<EnrolledKey> endorse(RegisterEntry entry);
  [[nodiscard]] Status save(Register changed);
  [[nodiscard]] Status publish();

  std::filesystem::path directory_;
  Authority authority_;
  Register register_;
};

}  // namespace sotto::identity
