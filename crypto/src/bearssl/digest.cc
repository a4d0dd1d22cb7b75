// SHA-256, HKDF and the two comparisons on bytes.
#include <bearssl.h>

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

// Keyed once, used for many messages: the two states that follow from the key.
struct HmacKey {
  br_hmac_key_context context;

  explicit HmacKey(Bytes key) { br_hmac_key_init(&context, &br_sha256_vtable, key.data(), key.size()); }
  ~HmacKey() { wipe({reinterpret_cast<std::uint8_t*>(&context), sizeof context}); }
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
};

void compute_mac(const HmacKey& key, std::initializer_list<Bytes> parts, MutableBytes tag) {
  br_hmac_context hmac;
  br_hmac_init(&hmac, &key.context, 0);
  for (const Bytes part : parts) br_hmac_update(&hmac, part.data(), part.size());
  SOTTO_CHECK(br_hmac_out(&hmac, tag.data()) == tag.size());
  wipe({reinterpret_cast<std::uint8_t*>(&hmac), sizeof hmac});
}

// RFC 5869 section 2.3.
void expand(const HmacKey& key, Bytes info, MutableBytes out) {
  SOTTO_CHECK(!out.empty() && out.size() <= 255 * sizeof(Digest));
  Digest block;
  for (std::uint8_t number = 1; !out.empty(); ++number) {
    const Bytes previous = number == 1 ? Bytes() : Bytes(block);
    compute_mac(key, {previous, info, Bytes(&number, 1)}, block);
    const std::size_t count = std::min(out.size(), block.size());
    std::copy_n(block.begin(), count, out.begin());
    out = out.subspan(count);
  }
  wipe(block);
}

}  // namespace

Digest sha256(std::initializer_list<Bytes> parts) {
  Sha256 hash;
  for (const Bytes part : parts) hash.update(part);
  return hash.finish();
}

Sha256::Sha256() { br_sha256_init(&state_.create<br_sha256_context>()); }

Sha256::~Sha256() {
  auto& context = state_.get<br_sha256_context>();
  wipe({reinterpret_cast<std::uint8_t*>(&context), sizeof context});
  state_.destroy<br_sha256_context>();
}

void Sha256::update(Bytes bytes) {
  br_sha256_update(&state_.get<br_sha256_context>(), bytes.data(), bytes.size());
}

Digest Sha256::finish() {
  Digest digest;
  br_sha256_out(&state_.get<br_sha256_context>(), digest.data());
  return digest;
}

void hkdf_sha256(const HkdfInput& input, MutableBytes out) {
  Hkdf(input.salt).derive(input.input_key, input.info, out);
}

// HMAC fills a key up with zeros, so an empty salt is the one of RFC 5869 section 2.2.
void hkdf_extract(Bytes salt, std::initializer_list<Bytes> parts, HkdfKey& key) {
  compute_mac(HmacKey(salt), parts, key.reveal_mutable());
}

void hkdf_expand(const HkdfKey& key, Bytes info, MutableBytes out) {
  expand(HmacKey(key.reveal()), info, out);
}

Hkdf::Hkdf(Bytes salt) { state_.create<HmacKey>(salt); }

Hkdf::~Hkdf() { state_.destroy<HmacKey>(); }

void Hkdf::derive(Bytes input_key, Bytes info, MutableBytes out) const {
  SOTTO_CHECK(!input_key.empty());
  HkdfKey key;
  compute_mac(state_.get<HmacKey>(), {input_key}, key.reveal_mutable());
  hkdf_expand(key, info, out);
}

bool constant_time_equal(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differs = static_cast<std::uint8_t>(differs | (a[i] ^ b[i]));
  return differs == 0;
}

void wipe(MutableBytes bytes) {
  for (volatile std::uint8_t& byte : bytes) byte = 0;
}

}  // namespace sotto::crypto
