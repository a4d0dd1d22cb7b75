// RFC 9180 sections 4.1 (DHKEM), 5.1 (key schedule) and 6.1 (single-shot), base mode only: the pre-shared key
// and its id are empty and a context seals one message, so the nonce is the base nonce.
#include "sotto/crypto/hpke.h"

#include <algorithm>
#include <cstring>

#include "sotto/base/check.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t kKem = 0x20;   // DHKEM(X25519, HKDF-SHA256)
constexpr std::uint8_t kKdf = 0x01;   // HKDF-SHA256
constexpr std::uint8_t kAead = 0x03;  // ChaCha20Poly1305
constexpr std::uint8_t kModeBase = 0;
constexpr std::size_t kSecretBytes = 32;

template <std::size_t Count>
constexpr std::array<std::uint8_t, Count - 1> ascii(const char (&text)[Count]) {
  std::array<std::uint8_t, Count - 1> bytes{};
  for (std::size_t i = 0; i + 1 < Count; ++i) bytes[i] = static_cast<std::uint8_t>(text[i]);
  return bytes;
}

constexpr auto kVersion = ascii("HPKE-v1");
constexpr std::array<std::uint8_t, 5> kKemSuite = {'K', 'E', 'M', 0, kKem};
constexpr std::array<std::uint8_t, 10> kHpkeSuite = {'H', 'P', 'K', 'E', 0, kKem, 0, kKdf, 0, kAead};

// LabeledExtract and LabeledExpand of one suite (section 4).
class LabeledHkdf {
 public:
  explicit constexpr LabeledHkdf(Bytes suite) : suite_(suite) {}

  void extract(Bytes salt, Bytes label, Bytes input_key, HkdfKey& key) const {
    hkdf_extract(salt, {kVersion, suite_, label, input_key}, key);
  }
  void expand(const HkdfKey& key, Bytes label, Bytes info, MutableBytes out) const {
    std::array<std::uint8_t, 128> labeled;
    ByteWriter writer(labeled);
    writer.u8(static_cast<std::uint8_t>(out.size() >> 8));  // I2OSP is big-endian
    writer.u8(static_cast<std::uint8_t>(out.size()));
    for (const Bytes part : {Bytes(kVersion), suite_, label, info}) writer.bytes(part);
    SOTTO_CHECK(writer.ok());
    hkdf_expand(key, Bytes(labeled).first(writer.written()), out);
  }

 private:
  Bytes suite_;
};

constexpr LabeledHkdf kKemHkdf{kKemSuite};
constexpr LabeledHkdf kHpkeHkdf{kHpkeSuite};

// DeriveKeyPair, section 7.1.3.
X25519PrivateKey ephemeral_key(Random& random) {
  SecretBytes<kX25519Bytes> drawn;
  random.fill(drawn.reveal_mutable());
  HkdfKey key;
  kKemHkdf.extract({}, ascii("dkp_prk"), drawn.reveal(), key);
  SecretBytes<kX25519Bytes> scalar;
  kKemHkdf.expand(key, ascii("sk"), {}, scalar.reveal_mutable());
  return X25519PrivateKey(scalar);
}

struct KemKeys {
  const X25519PrivateKey& own;
  const X25519PublicKey& peer;
  const X25519PublicKey& encapsulated;
  const X25519PublicKey& recipient;
};

// What Encap and Decap have in common: ExtractAndExpand of the Diffie-Hellman secret. False for a peer of
// small order.
bool shared_secret(const KemKeys& keys, SecretBytes<kSecretBytes>& secret) {
  SecretBytes<kX25519Bytes> agreed;
  if (!keys.own.agree(keys.peer, agreed)) return false;
  HkdfKey key;
  kKemHkdf.extract({}, ascii("eae_prk"), agreed.reveal(), key);
  std::array<std::uint8_t, 2 * kX25519Bytes> context;
  ByteWriter writer(context);
  writer.bytes(keys.encapsulated);
  writer.bytes(keys.recipient);
  kKemHkdf.expand(key, ascii("shared_secret"), context, secret.reveal_mutable());
  return true;
}

struct Context {
  SecretBytes<kAeadKeyBytes> key;
  std::array<std::uint8_t, kAeadNonceBytes> nonce;
};

// KeySchedule, section 5.1.
void schedule(const SecretBytes<kSecretBytes>& secret, Bytes info, Context& context) {
  HkdfKey psk_id_hash;
  kHpkeHkdf.extract({}, ascii("psk_id_hash"), {}, psk_id_hash);
  HkdfKey info_hash;
  kHpkeHkdf.extract({}, ascii("info_hash"), info, info_hash);
  std::array<std::uint8_t, 1 + 2 * kSecretBytes> schedule_context;
  ByteWriter writer(schedule_context);
  writer.u8(kModeBase);
  writer.bytes(psk_id_hash.reveal());
  writer.bytes(info_hash.reveal());
  HkdfKey key;
  kHpkeHkdf.extract(secret.reveal(), ascii("secret"), {}, key);
  kHpkeHkdf.expand(key, ascii("key"), schedule_context, context.key.reveal_mutable());
  kHpkeHkdf.expand(key, ascii("base_nonce"), schedule_context, context.nonce);
}

}  // namespace

bool hpke_seal(const X25519PublicKey& recipient, const HpkeInput& input, Bytes plaintext, Random& random,
               MutableBytes sealed) {
  SOTTO_CHECK(sealed.size() == plaintext.size() + kHpkeOverheadBytes);
  const X25519PrivateKey ephemeral = ephemeral_key(random);
  SecretBytes<kSecretBytes> secret;
  if (!shared_secret({ephemeral, recipient, ephemeral.public_key(), recipient}, secret)) {
    wipe(sealed);
    return false;
  }
  Context context;
  schedule(secret, input.info, context);
  std::copy(ephemeral.public_key().begin(), ephemeral.public_key().end(), sealed.begin());
  aead_seal({context.key, context.nonce, input.associated_data}, plaintext, sealed.subspan(kX25519Bytes));
  return true;
}

bool hpke_open(const X25519PrivateKey& recipient, const HpkeInput& input, Bytes sealed,
               MutableBytes plaintext) {
  SOTTO_CHECK(sealed.size() == plaintext.size() + kHpkeOverheadBytes);
  X25519PublicKey encapsulated;
  std::copy_n(sealed.begin(), encapsulated.size(), encapsulated.begin());
  SecretBytes<kSecretBytes> secret;
  if (!shared_secret({recipient, encapsulated, encapsulated, recipient.public_key()}, secret)) {
    wipe(plaintext);
    return false;
  }
  Context context;
  schedule(secret, input.info, context);
  return aead_open({context.key, context.nonce, input.associated_data}, sealed.subspan(kX25519Bytes),
                   plaintext);
}

}  // namespace sotto::crypto
