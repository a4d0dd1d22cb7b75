// ES256 signatures that a replay repeats: deterministic ECDSA (RFC 6979). For simulations and tests, whose
// every message must follow from a seed. Real devices and servers sign with Es256PrivateKey::sign(), whose
// nonce on hosts also holds the system's randomness and so stands a fault while it is computed; tests/tidy
// sees to it that only simulations and tests include this. A board backend need not supply it.
#pragma once

#include "sotto/base/bytes.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

// A valid ES256 signature, the same each time for the same key and message. As safe to show as any other.
[[nodiscard]] Es256Signature es256_sign_replayable(const Es256PrivateKey& key, Bytes message);

}  // namespace sotto::crypto
