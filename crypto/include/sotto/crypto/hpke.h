// Messages sealed to one X25519 key: HPKE (RFC 9180) in base mode, single-shot, with DHKEM(X25519,
// HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305. Put together from primitives.h alone.
//
// Base mode says nothing about who sealed. Both functions are thread-safe as long as the private key is not
// shared between threads.
#pragma once

#include <cstddef>

#include "sotto/base/bytes.h"
#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

// A sealed message is: encapsulated key (32) || ciphertext || tag (16).
inline constexpr std::size_t kHpkeOverheadBytes = kX25519Bytes + kAeadTagBytes;

// What sealer and opener must agree on. Neither is part of the sealed message.
struct HpkeInput {
  Bytes info;
  Bytes associated_data;
};

// Draws 32 bytes from `random` for the ephemeral key. Requires sealed.size() == plaintext.size() +
// kHpkeOverheadBytes. False, with `sealed` wiped, when `recipient` is of small order.
[[nodiscard]] bool hpke_seal(const X25519PublicKey& recipient, const HpkeInput& input, Bytes plaintext,
                             Random& random, MutableBytes sealed);
// False, with `plaintext` wiped, when the message was not sealed to this key under this input. Requires
// sealed.size() == plaintext.size() + kHpkeOverheadBytes.
[[nodiscard]] bool hpke_open(const X25519PrivateKey& recipient, const HpkeInput& input, Bytes sealed,
                             MutableBytes plaintext);

}  // namespace sotto::crypto
