// What es256_sign_replayable() is made of, for digests and nonces that no known message leads to.
#pragma once

#include <optional>

#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

// RFC 6979 from the message's digest on.
[[nodiscard]] Es256Signature sign_digest_replayable(const Es256PrivateKey& key, const Digest& digest);

// Nothing when the nonce gives no signature: it is zero or not below the order, or r or s is zero.
[[nodiscard]] std::optional<Es256Signature> sign_digest_with_nonce(
    const Es256PrivateKey& key, const SecretBytes<kEs256ScalarBytes>& nonce, const Digest& digest);

}  // namespace sotto::crypto
