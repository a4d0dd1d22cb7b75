// RFC 6979. OpenSSL has it from 3.2 on; before, its pieces: the nonce is the output of HMAC-DRBG, seeded as
// section 3.3 says with key and digest, and ECDSA takes a nonce that was worked out beforehand.
#define OPENSSL_API_COMPAT 0x10100000L  // ECDSA_do_sign_ex(): EVP of 3.0 has no way to give a nonce

#include "sotto/crypto/replayable_es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

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

  evp::SecretNumber next() {
    Scalar candidate;
    SOTTO_CHECK(EVP_RAND_generate(generator_.get(), candidate.reveal_mutable().data(), kEs256ScalarBytes,
                                  kStrengthBits, 0, nullptr, 0) == 1);
    evp::SecretNumber number(BN_secure_new());
    SOTTO_CHECK(number != nullptr &&
                BN_bin2bn(candidate.reveal().data(), kEs256ScalarBytes, number.get()) == number.get());
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return number;
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

EcKey ec_key(const Scalar& scalar) {
  EcKey key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  const evp::SecretNumber number(BN_secure_new());
  SOTTO_CHECK(key != nullptr && number != nullptr);
  SOTTO_CHECK(BN_bin2bn(scalar.reveal().data(), kEs256ScalarBytes, number.get()) == number.get());
  SOTTO_CHECK(EC_KEY_set_private_key(key.get(), number.get()) == 1);
  return key;
}

// Null when the nonce gives none: it is not below the order, or r or s is zero.
evp::EcdsaSignature sign_with(const EcKey& key, const BIGNUM* nonce, const Digest& message) {
  const EC_GROUP* const group = EC_KEY_get0_group(key.get());
  const BIGNUM* const order = EC_GROUP_get0_order(group);
  if (BN_is_zero(nonce) || BN_cmp(nonce, order) >= 0) return nullptr;
  const NumberContext context(BN_CTX_new());
  const evp::EcPoint point(EC_POINT_new(group));
  const evp::SecretNumber r(BN_new());
  SOTTO_CHECK(context != nullptr && point != nullptr && r != nullptr);
  SOTTO_CHECK(EC_POINT_mul(group, point.get(), nonce, nullptr, nullptr, context.get()) == 1);
  SOTTO_CHECK(EC_POINT_get_affine_coordinates(group, point.get(), r.get(), nullptr, context.get()) == 1);
  SOTTO_CHECK(BN_nnmod(r.get(), r.get(), order, context.get()) == 1);
  if (BN_is_zero(r.get())) return nullptr;
  const evp::SecretNumber inverse(BN_mod_inverse(nullptr, nonce, order, context.get()));
  SOTTO_CHECK(inverse != nullptr);
  return evp::EcdsaSignature(
      ECDSA_do_sign_ex(message.data(), static_cast<int>(message.size()), inverse.get(), r.get(), key.get()));
}

}  // namespace

Es256Signature es256_sign_replayable(const Es256PrivateKey& key, Bytes message) {
  Scalar scalar;
  key.scalar(scalar);
  const Digest digest = sha256({message});
  const EcKey signer = ec_key(scalar);
  NonceCandidates candidates(scalar, digest);
  evp::EcdsaSignature signature;
  while (signature == nullptr) signature = sign_with(signer, candidates.next().get(), digest);
  Es256Signature out;
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), kEs256ScalarBytes) ==
              kEs256ScalarBytes);
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + kEs256ScalarBytes,
                           kEs256ScalarBytes) == kEs256ScalarBytes);
  return out;
}

}  // namespace sotto::crypto
