// PEM blocks and the DER forms of P-256 keys.
#include "sotto/crypto/pem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>

#include "openssl/owners.h"
#include "sotto/base/check.h"

namespace sotto::crypto {
namespace {

constexpr char kGroup[] = "prime256v1";
constexpr std::uint8_t kUncompressedPoint = 0x04;

using Bio = std::unique_ptr<BIO, evp::Deleter<BIO_free_all>>;

// What OpenSSL allocates for a block; the content may be a key.
struct OpenSslBlock {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  ~OpenSslBlock() {
    OPENSSL_secure_free(name);
    OPENSSL_secure_free(header);
    OPENSSL_secure_clear_free(data, static_cast<std::size_t>(size));
  }
};

bool is_p256(EVP_PKEY& key) {
  char group[32];
  std::size_t size = 0;
  return EVP_PKEY_is_a(&key, "EC") == 1 && EVP_PKEY_get_group_name(&key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == kGroup;
}

evp::Key decode_key(Bytes content, int selection) {
  EVP_PKEY* decoded = nullptr;
  using Context = std::unique_ptr<OSSL_DECODER_CTX, evp::Deleter<OSSL_DECODER_CTX_free>>;
  const Context context(
      OSSL_DECODER_CTX_new_for_pkey(&decoded, "DER", nullptr, "EC", selection, nullptr, nullptr));
  SOTTO_CHECK(context != nullptr);
  const std::uint8_t* data = content.data();
  std::size_t left = content.size();
  const bool whole = OSSL_DECODER_from_data(context.get(), &data, &left) == 1 && left == 0;
  evp::Key key(decoded);
  ERR_clear_error();
  if (!whole || key == nullptr || !is_p256(*key)) return nullptr;
  return key;
}

SecretBuffer encode_key(EVP_PKEY& key, int selection, const char* structure) {
  using Context = std::unique_ptr<OSSL_ENCODER_CTX, evp::Deleter<OSSL_ENCODER_CTX_free>>;
  const Context context(OSSL_ENCODER_CTX_new_for_pkey(&key, selection, "DER", structure, nullptr));
  unsigned char* data = nullptr;
  std::size_t size = 0;
  SOTTO_CHECK(context != nullptr && OSSL_ENCODER_to_data(context.get(), &data, &size) == 1);
  SecretBuffer content(Bytes(data, size));
  OPENSSL_clear_free(data, size);
  return content;
}

SecretBuffer encode_block(const char* label, Bytes content) {
  const Bio bio(BIO_new(BIO_s_secmem()));
  SOTTO_CHECK(bio != nullptr &&
              PEM_write_bio(bio.get(), label, "", content.data(), static_cast<long>(content.size())) > 0);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return SecretBuffer(std::string_view(text, static_cast<std::size_t>(size)));
}

evp::Key import_key(Bytes public_key, const BIGNUM* scalar) {
  const evp::ParameterBuilder builder(OSSL_PARAM_BLD_new());
  SOTTO_CHECK(builder != nullptr &&
              OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kGroup, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.data(),
                                               public_key.size()) == 1);
  if (scalar != nullptr) {
    SOTTO_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1);
  }
  const evp::Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const evp::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  SOTTO_CHECK(parameters != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* imported = nullptr;
  const int selection = scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  SOTTO_CHECK(EVP_PKEY_fromdata(context.get(), &imported, selection, parameters.get()) == 1);
  return evp::Key(imported);
}

// A file's public half is read as it stands there, whatever the private one is.
bool halves_fit(EVP_PKEY& key) {
  const evp::KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  SOTTO_CHECK(context != nullptr);
  const bool fit = EVP_PKEY_pairwise_check(context.get()) == 1;
  ERR_clear_error();
  return fit;
}

}  // namespace

std::string pem_encode(const std::string& label, Bytes content) {
  return std::string(encode_block(label.c_str(), content).reveal_text());
}

Result<std::vector<PemBlock>> pem_decode(std::string_view text) {
  if (text.empty()) return std::vector<PemBlock>();  // which need not have an address
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  SOTTO_CHECK(bio != nullptr);
  std::vector<PemBlock> blocks;
  for (;;) {
    OpenSslBlock block;
    if (PEM_read_bio_ex(bio.get(), &block.name, &block.header, &block.data, &block.size,
                        PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) != 1) {
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (at_end) return blocks;
      return invalid_argument("PEM block " + std::to_string(blocks.size() + 1) + " is cut short or damaged");
    }
    if (*block.header != '\0')
      return invalid_argument("the PEM block " + std::string(block.name) + " is encrypted");
    blocks.push_back({block.name, SecretBuffer(Bytes(block.data, static_cast<std::size_t>(block.size)))});
  }
}

SecretBuffer private_key_to_pem(const Es256PrivateKey& key) {
  SecretBytes<kEs256ScalarBytes> scalar;
  key.scalar(scalar);
  const evp::SecretNumber number(BN_secure_new());
  SOTTO_CHECK(number != nullptr &&
              BN_bin2bn(scalar.reveal().data(), kEs256ScalarBytes, number.get()) == number.get());
  const evp::Key imported = import_key(key.public_key(), number.get());
  return encode_block(kPrivateKeyLabel, encode_key(*imported, EVP_PKEY_KEYPAIR, "PrivateKeyInfo").reveal());
}

std::string public_key_to_pem(const Es256PublicKey& key) {
  const evp::Key imported = import_key(key, nullptr);
  return pem_encode(kPublicKeyLabel,
                    encode_key(*imported, EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo").reveal());
}

std::optional<Es256PrivateKey> private_key_from_der(Bytes content) {
  const evp::Key key = decode_key(content, EVP_PKEY_KEYPAIR);
  if (key == nullptr || !halves_fit(*key)) return std::nullopt;
  BIGNUM* fetched = nullptr;
  if (EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &fetched) != 1) return std::nullopt;
  const evp::SecretNumber number(fetched);
  SecretBytes<kEs256ScalarBytes> scalar;
  if (BN_bn2binpad(number.get(), scalar.reveal_mutable().data(), kEs256ScalarBytes) != kEs256ScalarBytes) {
    return std::nullopt;
  }
  return Es256PrivateKey::from_scalar(scalar);
}

std::optional<Es256PublicKey> public_key_from_der(Bytes content) {
  const evp::Key key = decode_key(content, EVP_PKEY_PUBLIC_KEY);
  if (key == nullptr) return std::nullopt;
  Es256PublicKey point;
  std::size_t size = 0;
  const bool read = EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                                    point.size(), &size) == 1;
  ERR_clear_error();
  if (!read || size != point.size() || point[0] != kUncompressedPoint) return std::nullopt;
  return point;
}

}  // namespace sotto::crypto
