// RFC 6979. OpenSSL has it from 3.2 on; before, its pieces: the nonce is the output of HMAC-DRBG, seeded as
// section 3.3 says with key and digest, and ECDSA takes a nonce that was worked out beforehand.
#define OPENSSL_API_COMPAT 0x10100000L  // ECDSA_do_sign_ex(): EVP of 3.0 has no way to give a nonce

#include "sotto/crypto/replayable_es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include "openssl/digest_signature.h"
#include "openssl/owners.h"
#include "sotto/base/check.h"

namespace sotto::crypto {
namespace {

using Scalar = SecretBytes<kEs256ScalarBytes>;
using Rand = std::unique_ptr<EVP_RAND, evp::Deleter<EVP_RAND_free>>;
using RandContext = std::unique_ptr<EVP_RAND_CTX, evp::Deleter<EVP_RAND_CTX_free>>;
using EcKey = std::unique_ptr<EC_KEY, evp::Deleter<EC_KEY_free>>;
using NumberContext = std::unique_ptr<BN_CTX, evp::Deleter<BN_CTX_free>>;

constexpr unsigned kStrengthBits = 256;
// OpenSSL puts a string of its own in place of an absent personalisation; RFC 6979 has none.
constexpr std::uint8_t kNoPersonalisation[] = {0};

RandContext make_generator(const char* name, EVP_RAND_CTX* parent, const OSSL_PARAM* parameters) {
  const Rand method(EVP_RAND_fetch(nullptr, name, nullptr));
  SOTTO_CHECK(method != nullptr);
  RandContext context(EVP_RAND_CTX_new(method.get(), parent));
  SOTTO_CHECK(context != nullptr);
  SOTTO_CHECK(EVP_RAND_instantiate(context.get(), kStrengthBits, 0, kNoPersonalisation, 0, parameters) == 1);
  return context;
}

// The candidates for the nonce of one signature, in order (RFC 6979 section 3.2). Order and digest have 256
// bits, so a candidate is the generator's next 32 bytes.
class NonceCandidates {
 public:
  NonceCandidates(Scalar& key, const Digest& message) {
    SecretBytes<kEs256ScalarBytes> reduced;
    reduce(message, reduced);
    unsigned strength = kStrengthBits;
    const std::array<OSSL_PARAM, 4> seed = {
        OSSL_PARAM_construct_uint(OSSL_RAND_PARAM_STRENGTH, &strength),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_ENTROPY, key.reveal_mutable().data(),
                                          kEs256ScalarBytes),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_NONCE, reduced.reveal_mutable().data(),
                                          kEs256ScalarBytes),
        OSSL_PARAM_construct_end()};
    seed_ = make_generator("TEST-RAND", nullptr, seed.data());
    char digest[] = "SHA256";
    char mac[] = "HMAC";
    const std::array<OSSL_PARAM, 3> hmac = {
        OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_MAC, mac, 0), OSSL_PARAM_construct_end()};
    generator_ = make_generator("HMAC-DRBG", seed_.get(), hmac.data());
  }

  void next(Scalar& candidate) {
    SOTTO_CHECK(EVP_RAND_generate(generator_.get(), candidate.reveal_mutable().data(), kEs256ScalarBytes,
                                  kStrengthBits, 0, nullptr, 0) == 1);
  }

 private:
  // bits2octets() of section 2.3.4.
  static void reduce(const Digest& message, Scalar& out) {
    const evp::EcGroup group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    const evp::SecretNumber number(BN_bin2bn(message.data(), static_cast<int>(message.size()), nullptr));
    SOTTO_CHECK(group != nullptr && number != nullptr);
    const BIGNUM* const order = EC_GROUP_get0_order(group.get());
    if (BN_cmp(number.get(), order) >= 0) SOTTO_CHECK(BN_sub(number.get(), number.get(), order) == 1);
    SOTTO_CHECK(BN_bn2binpad(number.get(), out.reveal_mutable().data(), kEs256ScalarBytes) ==
                kEs256ScalarBytes);
  }

  RandContext seed_;  // outlives generator_, which refers to it
  RandContext generator_;
};

evp::SecretNumber number_of(const Scalar& scalar) {
  evp::SecretNumber number(BN_secure_new());
  SOTTO_CHECK(number != nullptr &&
              BN_bin2bn(scalar.reveal().data(), kEs256ScalarBytes, number.get()) == number.get());
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

EcKey ec_key(const Es256PrivateKey& key) {
  Scalar scalar;
  key.scalar(scalar);
  EcKey converted(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  SOTTO_CHECK(converted != nullptr && EC_KEY_set_private_key(converted.get(), number_of(scalar).get()) == 1);
  return converted;
}

Es256Signature to_bytes(const ECDSA_SIG& signature) {
  Es256Signature out;
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(&signature), out.data(), kEs256ScalarBytes) == kEs256ScalarBytes);
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(&signature), out.data() + kEs256ScalarBytes, kEs256ScalarBytes) ==
              kEs256ScalarBytes);
  return out;
}

}  // namespace

std::optional<Es256Signature> sign_digest_with_nonce(const Es256PrivateKey& key, const Scalar& nonce,
                                                     const Digest& digest) {
  const EcKey signer = ec_key(key);
  const EC_GROUP* const group = EC_KEY_get0_group(signer.get());
  const BIGNUM* const order = EC_GROUP_get0_order(group);
  const evp::SecretNumber factor = number_of(nonce);
  if (BN_is_zero(factor.get()) || BN_cmp(factor.get(), order) >= 0) return std::nullopt;
  const NumberContext context(BN_CTX_new());
  const evp::EcPoint point(EC_POINT_new(group));
  const evp::SecretNumber r(BN_new());
  SOTTO_CHECK(context != nullptr && point != nullptr && r != nullptr);
  SOTTO_CHECK(EC_POINT_mul(group, point.get(), factor.get(), nullptr, nullptr, context.get()) == 1);
  SOTTO_CHECK(EC_POINT_get_affine_coordinates(group, point.get(), r.get(), nullptr, context.get()) == 1);
  SOTTO_CHECK(BN_nnmod(r.get(), r.get(), order, context.get()) == 1);
  if (BN_is_zero(r.get())) return std::nullopt;
  const evp::SecretNumber inverse(BN_mod_inverse(nullptr, factor.get(), order, context.get()));
  SOTTO_CHECK(inverse != nullptr);
  const evp::EcdsaSignature signature(
      ECDSA_do_sign_ex(digest.data(), static_cast<int>(digest.size()), inverse.get(), r.get(), signer.get()));
  ERR_clear_error();
  if (signature == nullptr) return std::nullopt;
  return to_bytes(*signature);
}

Es256Signature sign_digest_replayable(const Es256PrivateKey& key, const Digest& digest) {
  Scalar scalar;
  key.scalar(scalar);
  NonceCandidates candidates(scalar, digest);
  for (;;) {
    Scalar nonce;
    candidates.next(nonce);
    if (const auto signature = sign_digest_with_nonce(key, nonce, digest)) return *signature;
  }
}

Es256Signature es256_sign_replayable(const Es256PrivateKey& key, Bytes message) {
  return sign_digest_replayable(key, sha256({message}));
}

}  // namespace sotto::crypto
