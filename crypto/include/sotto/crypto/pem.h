// Keys as PEM text (RFC 7468), the form in which files and other programs hold them. For machines with files:
// a board backend need not supply it. What may hold a private key is a SecretBuffer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_buffer.h"

namespace sotto::crypto {

struct PemBlock {
  std::string label;  // what stands after BEGIN
  SecretBuffer content;
};

// Of what is no secret. Requires a content.
[[nodiscard]] std::string pem_encode(const std::string& label, Bytes content);
// Every block of `text`, in order; whatever stands between blocks is ignored. kInvalidArgument when a block
// is cut short, its base64 does not decode, or it is encrypted in the old way (with headers).
[[nodiscard]] Result<std::vector<PemBlock>> pem_decode(std::string_view text);

inline constexpr char kPrivateKeyLabel[] = "PRIVATE KEY";  // PKCS #8 (RFC 5958)
inline constexpr char kPublicKeyLabel[] = "PUBLIC KEY";    // SubjectPublicKeyInfo (RFC 5480)

[[nodiscard]] SecretBuffer private_key_to_pem(const Es256PrivateKey& key);
[[nodiscard]] std::string public_key_to_pem(const Es256PublicKey& key);
// From a block's content, PKCS #8 or SEC 1 (RFC 5915). Nothing when it is no P-256 key, or
// one whose public half is not that of the private one.
[[nodiscard]] std::optional<Es256PrivateKey> private_key_from_der(Bytes content);
[[nodiscard]] std::optional<Es256PublicKey> public_key_from_der(Bytes content);

}  // namespace sotto::crypto
