// The coordinator's own certificate authority and server certificate, made at the first start so that TLS is
// never off.
//
//   <directory>/ca.pem       CA certificate (10 years): give it to devices
//   <directory>/ca-key.pem   its key, mode 0600; only needed to renew, may be kept elsewhere
//   <directory>/server.pem   the server's key and certificate (1 year), mode 0600; replaced as a whole
//
// ECDSA P-256 throughout. Devices trust the CA, so renewing the server's certificate concerns none of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_buffer.h"

namespace sotto::hosting {

// A certificate that ends sooner is renewed.
inline constexpr std::int64_t kRenewBeforeMs = 30 * std::int64_t{86'400'000};

struct TlsCertificateOptions {
  std::filesystem::path directory{};
  // Names and addresses devices may use besides localhost, 127.0.0.1, ::1 and this machine's host name.
  std::vector<std::string> extra_names{};
  // Whose certificates a first start makes: the common name, and with " CA" behind it the authority's.
  std::string owner = "Sotto coordinator";
};

struct TlsCertificate {
  std::filesystem::path ca_file;
  std::filesystem::path server_file;  // key and certificate
  std::string ca_pem;
  std::string certificate_pem;
  crypto::SecretBuffer private_key_pem;
  std::string ca_fingerprint;  // SHA-256 of the CA certificate: 32 upper-case hex pairs with colons
  crypto::Digest ca_key{};     // SHA-256 of the CA's public key: what devices' trust hangs on
  Time certificate_expires;
  bool ca_created = false;           // by this call
  bool certificate_created = false;  // by this call: first start, fewer than 30 days left, or other names
};

// Loads the certificate, creating or renewing what is missing or due at `now`. On failure existing files are
// as they were. kPermissionDenied: the CA has expired, or a file may not be read. kDataLoss: a file is
// damaged, or a key does not belong to its certificate. kFailedPrecondition: renewal is due but
// ca-key.pem is not there. kInvalidArgument: an extra name is neither a host name nor an address. kIo: a
// file cannot be written. The message names the file and what to do.
[[nodiscard]] Result<TlsCertificate> load_or_create_tls_certificate(const TlsCertificateOptions& options,
                                                                    Time now);

// Whether a server can prove itself with these. kDataLoss says what is wrong with them.
[[nodiscard]] Status check_key_of_certificate(std::string_view certificate_pem,
                                              std::string_view private_key_pem);

}  // namespace sotto::hosting
