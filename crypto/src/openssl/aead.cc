// ChaCha20-Poly1305 (RFC 8439).
#include <openssl/err.h>

#include <climits>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

const EVP_CIPHER* aead_method() {
  static EVP_CIPHER* const method = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  SOTTO_CHECK(method != nullptr);
  return method;
}

enum class Direction { kOpen = 0, kSeal = 1 };

// Feeds bytes through; `out` is null for associated data. EVP counts in int.
void update(EVP_CIPHER_CTX* context, std::uint8_t* out, Bytes in) {
  if (in.empty()) return;  // EVP reads a null input as "finish"
  SOTTO_CHECK(in.size() <= INT_MAX);
  int written = 0;
  SOTTO_CHECK(EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1);
}

evp::CipherContext start(const AeadInput& input, Direction direction) {
  evp::CipherContext context(EVP_CIPHER_CTX_new());
  SOTTO_CHECK(context != nullptr);
  SOTTO_CHECK(EVP_CipherInit_ex2(context.get(), aead_method(), input.key.reveal().data(), input.nonce.data(),
                                 static_cast<int>(direction), nullptr) == 1);
  update(context.get(), nullptr, input.associated_data);
  return context;
}

}  // namespace

void aead_seal(const AeadInput& input, Bytes plaintext, MutableBytes out) {
  SOTTO_CHECK(out.size() == plaintext.size() + kAeadTagBytes);
  const evp::CipherContext context = start(input, Direction::kSeal);
  update(context.get(), out.data(), plaintext);
  const MutableBytes tag = out.last(kAeadTagBytes);
  int written = 0;
  SOTTO_CHECK(EVP_CipherFinal_ex(context.get(), tag.data(), &written) == 1 && written == 0);
  SOTTO_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag.data()) == 1);
}

bool aead_open(const AeadInput& input, Bytes sealed, MutableBytes out) {
  SOTTO_CHECK(sealed.size() == out.size() + kAeadTagBytes);
  const evp::CipherContext context = start(input, Direction::kOpen);
  std::array<std::uint8_t, kAeadTagBytes> tag;
  std::memcpy(tag.data(), sealed.data() + out.size(), tag.size());
  SOTTO_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1);
  update(context.get(), out.data(), sealed.first(out.size()));
  int written = 0;
  std::uint8_t unused = 0;
  if (EVP_CipherFinal_ex(context.get(), &unused, &written) == 1) return true;
  ERR_clear_error();
  wipe(out);
  return false;
}

}  // namespace sotto::crypto
