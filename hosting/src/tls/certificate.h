// X.509 through OpenSSL: keys, a CA, server certificates (RFC 5280). A failure no input can cause stops the
// program.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "sotto/base/clock.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_buffer.h"

namespace sotto::hosting {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

[[nodiscard]] Key generate_key();  // ECDSA P-256
[[nodiscard]] crypto::SecretBuffer key_to_pem(EVP_PKEY& key);
[[nodiscard]] std::string certificate_to_pem(X509& certificate);
// The first of its kind in `pem`; null when there is none that can be used: a key's halves fit together and
// are for signing (EC, RSA), a certificate has a key and dates.
[[nodiscard]] Key key_from_pem(std::string_view pem);
[[nodiscard]] Certificate certificate_from_pem(std::string_view pem);

struct Issuer {
  X509& certificate;
  EVP_PKEY& key;
};
// Named "<owner> CA". Valid from a day before `now` (clocks differ) for ten years.
[[nodiscard]] Certificate make_ca_certificate(EVP_PKEY& key, const std::string& owner, Time now);
// Named as its issuer without " CA". Valid for a year, or until the issuer's end if that is earlier. `names`
// as subject_names() returns them.
[[nodiscard]] Certificate make_server_certificate(EVP_PKEY& key, const Issuer& issuer,
                                                  const std::set<std::string>& names, Time now);

// "DNS:host" or "IP:address" in one spelling; empty when `name` is neither a host name nor an address.
[[nodiscard]] std::string subject_name(const std::string& name);
[[nodiscard]] std::set<std::string> subject_names(X509& certificate);

[[nodiscard]] std::string common_name(X509& certificate);
[[nodiscard]] Time valid_from(X509& certificate);
[[nodiscard]] Time valid_until(X509& certificate);
// Named as its own issuer, although its own key has not signed what it says.
[[nodiscard]] bool signs_itself_falsely(X509& certificate);
// SHA-256 of its SubjectPublicKeyInfo.
[[nodiscard]] crypto::Digest public_key_digest(X509& certificate);
// SHA-256 of the certificate, as upper-case hex pairs with colons.
[[nodiscard]] std::string fingerprint(X509& certificate);

}  // namespace sotto::hosting
