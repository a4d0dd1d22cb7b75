// SHA-256, HKDF and the two comparisons on bytes.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

// Fetched once and never freed: OpenSSL's own exit handler may run before a destructor here would.
const EVP_MD* sha256_method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  SOTTO_CHECK(method != nullptr);
  return method;
}

EVP_KDF* hkdf_method() {
  static EVP_KDF* const method = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  SOTTO_CHECK(method != nullptr);
  return method;
}

OSSL_PARAM octets(const char* name, Bytes bytes) {
  // OSSL_PARAM serves getters and setters and so takes a mutable pointer; a setter does not write through it.
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

Digest sha256(std::initializer_list<Bytes> parts) {
  Sha256 hash;
  for (const Bytes part : parts) hash.update(part);
  return hash.finish();
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  SOTTO_CHECK(context_ != nullptr);
  SOTTO_CHECK(EVP_DigestInit_ex2(static_cast<EVP_MD_CTX*>(context_), sha256_method(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::update(Bytes bytes) {
  SOTTO_CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned int written = 0;
  SOTTO_CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), &written) == 1);
  SOTTO_CHECK(written == digest.size());
  return digest;
}

void hkdf_sha256(const HkdfInput& input, MutableBytes out) {
  SOTTO_CHECK(!input.input_key.empty());
  SOTTO_CHECK(!out.empty() && out.size() <= 255 * sizeof(Digest));
  const evp::KdfContext context(EVP_KDF_CTX_new(hkdf_method()));
  SOTTO_CHECK(context != nullptr);
  char digest_name[] = "SHA2-256";
  std::array<OSSL_PARAM, 5> parameters;
  std::size_t count = 0;
  parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name, 0);
  parameters[count++] = octets(OSSL_KDF_PARAM_KEY, input.input_key);
  if (!input.salt.empty()) parameters[count++] = octets(OSSL_KDF_PARAM_SALT, input.salt);
  if (!input.info.empty()) parameters[count++] = octets(OSSL_KDF_PARAM_INFO, input.info);
  parameters[count] = OSSL_PARAM_construct_end();
  SOTTO_CHECK(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1);
}

bool constant_time_equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace sotto::crypto
