// A fleet for tests: an authority and as many devices as are asked for, whose keys follow from numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sotto/base/check.h"
#include "sotto/secagg/identity.h"

namespace sotto::secagg {

// The private key with this number. Equal numbers give equal keys.
inline crypto::Es256PrivateKey numbered_key(std::uint64_t number) {
  crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
  crypto::SeededRandom(number + 2'000'000).fill(scalar.reveal_mutable());
  auto key = crypto::Es256PrivateKey::from_scalar(scalar);
  SOTTO_CHECK(key.has_value());
  return *std::move(key);
}

// The authority of every test's fleet.
inline KeySigner& fleet_authority() {
  static KeySigner signer(numbered_key(0));
  return signer;
}

// An enrolled key. Stays where it is made: its identity refers to its signer.
struct Enrolment {
  // Number 0 is the authority's own.
  explicit Enrolment(std::uint64_t number, Role role = Role::kDevice)
      : signer(numbered_key(number)),
        identity{.signer = signer,
                 .endorsement = endorse(fleet_authority(), role, signer.public_key(), {}),
                 .trust = fleet_authority().public_key()} {}
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;

  KeySigner signer;
  Identity identity;
};

// The enrolled device of this name, the same for a whole test program.
inline const Identity& enrolled_device(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Enrolment>> devices;
  std::unique_ptr<Enrolment>& device = devices[name];
  if (device == nullptr) {
    const crypto::Digest digest = crypto::sha256({text_bytes(name)});
    device = std::make_unique<Enrolment>(ByteReader(digest).u64());
  }
  return device->identity;
}

inline const Identity& enrolled_coordinator() {
  static const Enrolment coordinator(1'000'000, Role::kCoordinator);
  return coordinator.identity;
}

}  // namespace sotto::secagg
