// ChaCha20-Poly1305 (RFC 8439). BearSSL works in place.
#include <algorithm>

#include "bearssl/choice.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

enum class Direction : int { kOpen = 0, kSeal = 1 };

void run(const AeadInput& input, Direction direction, MutableBytes data, std::uint8_t* tag) {
  bear::kPoly1305(input.key.reveal().data(), input.nonce.data(), data.data(), data.size(),
                  input.associated_data.data(), input.associated_data.size(), tag, br_chacha20_ct_run,
                  static_cast<int>(direction));
}

}  // namespace

void aead_seal(const AeadInput& input, Bytes plaintext, MutableBytes out) {
  SOTTO_CHECK(out.size() == plaintext.size() + kAeadTagBytes);
  std::copy(plaintext.begin(), plaintext.end(), out.begin());
  run(input, Direction::kSeal, out.first(plaintext.size()), out.last(kAeadTagBytes).data());
}

bool aead_open(const AeadInput& input, Bytes sealed, MutableBytes out) {
  SOTTO_CHECK(sealed.size() == out.size() + kAeadTagBytes);
  std::copy_n(sealed.begin(), out.size(), out.begin());
  std::array<std::uint8_t, kAeadTagBytes> tag;
  run(input, Direction::kOpen, out, tag.data());
  if (constant_time_equal(tag, sealed.last(kAeadTagBytes))) return true;
  wipe(out);
  return false;
}

}  // namespace sotto::crypto
