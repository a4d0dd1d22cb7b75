// Two sources of randomness: the operating system's, and a replayable one.
#include <openssl/rand.h>

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t kRandomBytesPerCall = std::size_t{1} << 20;  // RAND counts in int

std::array<std::uint8_t, 8> little_endian(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  store_le(bytes.data(), value);
  return bytes;
}

}  // namespace

void SystemRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kRandomBytesPerCall);
    SOTTO_CHECK(RAND_priv_bytes(out.data(), static_cast<int>(count)) == 1);
    out = out.subspan(count);
  }
}

SeededRandom::SeededRandom(Bytes seed) {
  const Digest digest = sha256({seed});
  SecretBytes<kPrgKeyBytes> key;
  std::copy(digest.begin(), digest.end(), key.reveal_mutable().begin());
  stream_.rekey(key);
}

SeededRandom::SeededRandom(std::uint64_t seed) : SeededRandom(little_endian(seed)) {}

void SeededRandom::fill(MutableBytes out) { stream_.read(out); }

}  // namespace sotto::crypto
