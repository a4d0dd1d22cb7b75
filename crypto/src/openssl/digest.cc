// SHA-256, HKDF, fingerprints and the two comparisons on bytes.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/fingerprinter.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

// Fetched once and never freed: OpenSSL's own exit handler may run before a destructor here would.
const EVP_MD* sha256_method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  SOTTO_CHECK(method != nullptr);
  return method;
}

EVP_MAC_CTX* new_mac(const char* name) {
  EVP_MAC* const method = EVP_MAC_fetch(nullptr, name, nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(method);
  EVP_MAC_free(method);  // the context holds it
  SOTTO_CHECK(context != nullptr);
  return context;
}

// An HMAC-SHA-256 that waits for its key. Copies of one need not look the digest up again.
EVP_MAC_CTX* new_hmac() {
  static const EVP_MAC_CTX* const blank = [] {
    EVP_MAC_CTX* const context = new_mac("HMAC");
    char digest_name[] = "SHA2-256";
    const std::array<OSSL_PARAM, 2> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0), OSSL_PARAM_construct_end()};
    constexpr Digest any_key{};  // only a context with a key can be copied
    SOTTO_CHECK(EVP_MAC_init(context, any_key.data(), any_key.size(), parameters.data()) == 1);
    return context;
  }();
  EVP_MAC_CTX* const copy = EVP_MAC_CTX_dup(blank);
  SOTTO_CHECK(copy != nullptr);
  return copy;
}

// An empty key means the one that is set already.
template <std::size_t TagBytes>
void compute_mac(EVP_MAC_CTX* mac, Bytes key, std::initializer_list<Bytes> parts,
                 std::array<std::uint8_t, TagBytes>& tag) {
  SOTTO_CHECK(EVP_MAC_init(mac, key.data(), key.size(), nullptr) == 1);
  for (const Bytes part : parts) SOTTO_CHECK(EVP_MAC_update(mac, part.data(), part.size()) == 1);
  std::size_t written = 0;
  SOTTO_CHECK(EVP_MAC_final(mac, tag.data(), &written, tag.size()) == 1 && written == tag.size());
}

// RFC 5869 section 2.3.
void expand(EVP_MAC_CTX* hmac, Bytes key, Bytes info, MutableBytes out) {
  SOTTO_CHECK(!out.empty() && out.size() <= 255 * sizeof(Digest));
  Digest block;
  for (std::uint8_t number = 1; !out.empty(); ++number) {
    const Bytes previous = number == 1 ? Bytes() : Bytes(block);
    compute_mac(hmac, key, {previous, info, Bytes(&number, 1)}, block);
    const std::size_t count = std::min(out.size(), block.size());
    std::copy_n(block.begin(), count, out.begin());
    out = out.subspan(count);
  }
  wipe(block);
}

constexpr Digest kNoSalt{};  // RFC 5869 section 2.2

struct HkdfState {
  evp::MacContext extract;
  evp::MacContext expand;
};

}  // namespace

Digest sha256(std::initializer_list<Bytes> parts) {
  Sha256 hash;
  for (const Bytes part : parts) hash.update(part);
  return hash.finish();
}

Sha256::Sha256() {
  const auto& context = state_.create<evp::DigestContext>(EVP_MD_CTX_new());
  SOTTO_CHECK(context != nullptr);
  SOTTO_CHECK(EVP_DigestInit_ex2(context.get(), sha256_method(), nullptr) == 1);
}

Sha256::~Sha256() { state_.destroy<evp::DigestContext>(); }

void Sha256::update(Bytes bytes) {
  SOTTO_CHECK(EVP_DigestUpdate(state_.get<evp::DigestContext>().get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned int written = 0;
  SOTTO_CHECK(EVP_DigestFinal_ex(state_.get<evp::DigestContext>().get(), digest.data(), &written) == 1);
  SOTTO_CHECK(written == digest.size());
  return digest;
}

void hkdf_sha256(const HkdfInput& input, MutableBytes out) {
  Hkdf(input.salt).derive(input.input_key, input.info, out);
}

void hkdf_extract(Bytes salt, std::initializer_list<Bytes> parts, HkdfKey& key) {
  const evp::MacContext hmac(new_hmac());
  Digest extracted;
  compute_mac(hmac.get(), salt.empty() ? Bytes(kNoSalt) : salt, parts, extracted);
  std::copy(extracted.begin(), extracted.end(), key.reveal_mutable().begin());
  wipe(extracted);
}

void hkdf_expand(const HkdfKey& key, Bytes info, MutableBytes out) {
  const evp::MacContext hmac(new_hmac());
  expand(hmac.get(), key.reveal(), info, out);
}

Hkdf::Hkdf(Bytes salt) {
  if (salt.empty()) salt = kNoSalt;
  const auto& state = state_.create<HkdfState>(evp::MacContext(new_hmac()), evp::MacContext(new_hmac()));
  SOTTO_CHECK(EVP_MAC_init(state.extract.get(), salt.data(), salt.size(), nullptr) == 1);
}

// EVP wipes the keys.
Hkdf::~Hkdf() { state_.destroy<HkdfState>(); }

void Hkdf::derive(Bytes input_key, Bytes info, MutableBytes out) const {
  SOTTO_CHECK(!input_key.empty());
  const auto& state = state_.get<HkdfState>();
  Digest key;
  compute_mac(state.extract.get(), {}, {input_key}, key);
  expand(state.expand.get(), key, info, out);
  wipe(key);
}

Fingerprinter::Fingerprinter(const SecretBytes<32>& key) {
  state_.create<evp::MacContext>(new_mac("POLY1305"));
  std::copy(key.reveal().begin(), key.reveal().end(), key_.reveal_mutable().begin());
}

Fingerprinter::~Fingerprinter() { state_.destroy<evp::MacContext>(); }

Fingerprinter::Fingerprint Fingerprinter::of(Bytes message) const {
  Fingerprint fingerprint;
  compute_mac(state_.get<evp::MacContext>().get(), key_.reveal(), {message}, fingerprint);
  return fingerprint;
}

bool constant_time_equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace sotto::crypto
