// ECDSA over P-256 with SHA-256 (FIPS 186-4); signatures as in RFC 7518 section 3.4.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include <utility>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t kScalarBytes = kEs256ScalarBytes;
constexpr std::uint8_t kUncompressedPoint = 0x04;
constexpr std::size_t kDerSignatureBytesMax = 72;

constexpr char kCurveName[] = "prime256v1";
constexpr char kDigestName[] = "SHA2-256";

// Null when the bytes are not an uncompressed point of the curve.
evp::Key import_public_key(const Es256PublicKey& key) {
  if (key[0] != kUncompressedPoint) return nullptr;  // EVP would also take the hybrid forms
  const evp::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  SOTTO_CHECK(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
  // OSSL_PARAM serves getters and setters and so takes mutable pointers; a setter does not write through
  // them.
  std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(kCurveName), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<std::uint8_t*>(key.data()),
                                        key.size()),
      OSSL_PARAM_construct_end(),
  };
  EVP_PKEY* imported = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &imported, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1)
    return nullptr;
  return evp::Key(imported);
}

evp::EcdsaSignature signature_from_scalars(const Es256Signature& bytes) {
  evp::EcdsaSignature signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(bytes.data(), kScalarBytes, nullptr);
  BIGNUM* const s = BN_bin2bn(bytes.data() + kScalarBytes, kScalarBytes, nullptr);
  SOTTO_CHECK(signature != nullptr && r != nullptr && s != nullptr);
  SOTTO_CHECK(ECDSA_SIG_set0(signature.get(), r, s) == 1);  // takes both over
  return signature;
}

// The public point of a scalar in [1, order - 1]; false outside.
bool public_point(const BIGNUM* scalar, Es256PublicKey& out) {
  const evp::EcGroup group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  SOTTO_CHECK(group != nullptr);
  if (BN_is_zero(scalar) || BN_cmp(scalar, EC_GROUP_get0_order(group.get())) >= 0) return false;
  const evp::EcPoint point(EC_POINT_new(group.get()));
  SOTTO_CHECK(point != nullptr);
  SOTTO_CHECK(EC_POINT_mul(group.get(), point.get(), scalar, nullptr, nullptr, nullptr) == 1);
  SOTTO_CHECK(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(),
                                 out.size(), nullptr) == out.size());
  return true;
}

// One key object, overwritten by each key's point, and one context that verifies with it.
struct Verification {
  evp::Key key;
  evp::KeyContext context;

  bool set_key(const Es256PublicKey& bytes) {
    if (key == nullptr) {
      key = import_public_key(bytes);
      if (key == nullptr) return false;
      context.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
      SOTTO_CHECK(context != nullptr && EVP_PKEY_verify_init(context.get()) == 1);
      return true;
    }
    return bytes[0] == kUncompressedPoint &&
           EVP_PKEY_set1_encoded_public_key(key.get(), bytes.data(), bytes.size()) == 1;
  }
};

}  // namespace

Es256PrivateKey::Es256PrivateKey() { key_.create<evp::Key>(); }

Es256PrivateKey Es256PrivateKey::generate(Random& random) {
  for (;;) {
    SecretBytes<kEs256ScalarBytes> scalar;
    random.fill(scalar.reveal_mutable());
    if (auto key = from_scalar(scalar)) return std::move(*key);
  }
}

std::optional<Es256PrivateKey> Es256PrivateKey::from_scalar(const SecretBytes<kEs256ScalarBytes>& scalar) {
  const evp::SecretNumber number(BN_secure_new());
  SOTTO_CHECK(number != nullptr &&
              BN_bin2bn(scalar.reveal().data(), kScalarBytes, number.get()) == number.get());
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  Es256PrivateKey key;
  if (!public_point(number.get(), key.public_key_)) return std::nullopt;
  const evp::ParameterBuilder builder(OSSL_PARAM_BLD_new());
  SOTTO_CHECK(builder != nullptr);
  SOTTO_CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurveName, 0) == 1);
  SOTTO_CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, key.public_key_.data(),
                                               key.public_key_.size()) == 1);
  SOTTO_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) == 1);
  const evp::Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const evp::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  SOTTO_CHECK(parameters != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* imported = nullptr;
  SOTTO_CHECK(EVP_PKEY_fromdata(context.get(), &imported, EVP_PKEY_KEYPAIR, parameters.get()) == 1);
  key.key_.get<evp::Key>().reset(imported);
  return key;
}

void Es256PrivateKey::scalar(SecretBytes<kEs256ScalarBytes>& out) const {
  EVP_PKEY* const key = key_.get<evp::Key>().get();
  SOTTO_CHECK(key != nullptr);
  BIGNUM* fetched = nullptr;
  SOTTO_CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &fetched) == 1);
  const evp::SecretNumber number(fetched);
  SOTTO_CHECK(BN_bn2binpad(number.get(), out.reveal_mutable().data(), kScalarBytes) == kScalarBytes);
}

Es256PrivateKey::~Es256PrivateKey() { key_.destroy<evp::Key>(); }

Es256PrivateKey::Es256PrivateKey(Es256PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<evp::Key>(std::move(other.key_.get<evp::Key>()));
}

Es256PrivateKey& Es256PrivateKey::operator=(Es256PrivateKey&& other) noexcept {
  key_.get<evp::Key>() = std::move(other.key_.get<evp::Key>());
  public_key_ = other.public_key_;
  return *this;
}

Es256Signature Es256PrivateKey::sign(Bytes message) const {
  EVP_PKEY* const key = key_.get<evp::Key>().get();
  SOTTO_CHECK(key != nullptr);
  const evp::DigestContext context(EVP_MD_CTX_new());
  SOTTO_CHECK(context != nullptr);
  SOTTO_CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, kDigestName, nullptr, nullptr, key, nullptr) ==
              1);
  std::array<std::uint8_t, kDerSignatureBytesMax> der;
  std::size_t der_bytes = der.size();
  SOTTO_CHECK(EVP_DigestSign(context.get(), der.data(), &der_bytes, message.data(), message.size()) == 1);
  const std::uint8_t* cursor = der.data();
  const evp::EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der_bytes)));
  SOTTO_CHECK(signature != nullptr);
  Es256Signature out;
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), kScalarBytes) == kScalarBytes);
  SOTTO_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + kScalarBytes, kScalarBytes) ==
              kScalarBytes);
  return out;
}

Es256Verifier::Es256Verifier() { state_.create<Verification>(); }
Es256Verifier::~Es256Verifier() { state_.destroy<Verification>(); }

bool Es256Verifier::verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  auto& verification = state_.get<Verification>();
  if (!verification.set_key(key)) {
    ERR_clear_error();
    return false;
  }
  std::array<std::uint8_t, kDerSignatureBytesMax> der;
  std::uint8_t* cursor = der.data();
  const int der_bytes = i2d_ECDSA_SIG(signature_from_scalars(signature).get(), &cursor);
  SOTTO_CHECK(der_bytes > 0 && static_cast<std::size_t>(der_bytes) <= der.size());
  const Digest digest = sha256({message});
  const bool valid = EVP_PKEY_verify(verification.context.get(), der.data(),
                                     static_cast<std::size_t>(der_bytes), digest.data(), digest.size()) == 1;
  if (!valid) ERR_clear_error();
  return valid;
}

bool es256_verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  return Es256Verifier().verify(key, message, signature);
}

}  // namespace sotto::crypto
