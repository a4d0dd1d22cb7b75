// Whom an authority has endorsed, and what it has made known: a text file beside its key. One line a fact, so
// that people can read it and two copies can be compared.
//
//   sotto authority register 2
//   changes 17
//   epoch 1
//   edition 3
//   editions-passed 1003   after a restore only
//   endorsements-from 0
//   rotation <524 hexadecimal digits>
//   device <public key> <issued at> <expires at> <epoch> <revoked at, or 0> <name>
//   coordinator ...
//   sha256 <of all lines before>
//
// Version 1 had neither the count of changes nor the last line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::identity {

// As a register's lines begin, and as people read it.
[[nodiscard]] constexpr const char* word_of(secagg::Role role) {
  return role == secagg::Role::kDevice ? "device" : "coordinator";
}

struct RegisterEntry {
  secagg::Role role = secagg::Role::kDevice;
  std::string name{};  // 1 to 64 bytes of printable ASCII
  crypto::Es256PublicKey public_key{};
  // Of its newest endorsement; seconds since the Unix epoch.
  std::uint64_t issued_at = 0;
  std::uint64_t expires_at = 0;
  std::uint32_t epoch = 0;
  std::uint64_t revoked_at = 0;  // 0: it is not

  [[nodiscard]] bool is_revoked() const { return revoked_at != 0; }
  [[nodiscard]] crypto::Digest identity() const { return secagg::identity_of(public_key); }
  friend bool operator==(const RegisterEntry&, const RegisterEntry&) = default;
};

struct Register {
  std::uint64_t changes = 0;                  // how often it was written
  std::uint32_t epoch = 0;                    // of the endorsements that are made now
  std::uint32_t edition = 0;                  // of the newest bulletin; 0: there was none
  std::uint32_t editions_passed = 0;          // up to here numbers may have been given: the next is above
  std::uint32_t endorsements_from = 0;        // those of an earlier epoch are revoked
  std::vector<secagg::Rotation> rotations{};  // of the key, oldest first; at most limits::kRotationsMax
  std::vector<RegisterEntry> entries{};       // in the order of enrolment

  // Not revoked, with this name and role; null when there is none. Borrows.
  [[nodiscard]] RegisterEntry* find(secagg::Role role, std::string_view name);
  // What the newest bulletin says, signed by `authority`, which must be the newest key.
  [[nodiscard]] std::vector<std::uint8_t> bulletin(secagg::Signer& authority) const;
  // Of the bulletin after this one.
  [[nodiscard]] std::uint32_t next_edition() const { return std::max(edition, editions_passed) + 1; }
  // How many identities the bulletin lists as revoked.
  [[nodiscard]] std::size_t revoked_count() const;
  friend bool operator==(const Register&, const Register&) = default;
};

[[nodiscard]] std::string encode_register(const Register& contents);
// kDataLoss with the number of the line that is not one, or when the last one does not match the others.
[[nodiscard]] Result<Register> decode_register(std::string_view text);

}  // namespace sotto::identity
