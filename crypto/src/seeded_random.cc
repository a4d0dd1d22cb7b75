// Replayable randomness, put together from the primitives of whatever backend there is.
#include <algorithm>

#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

std::array<std::uint8_t, 8> little_endian(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  store_le(bytes.data(), value);
  return bytes;
}

}  // namespace

SeededRandom::SeededRandom(Bytes seed) {
  const Digest digest = sha256({seed});
  SecretBytes<kPrgKeyBytes> key;
  std::copy(digest.begin(), digest.end(), key.reveal_mutable().begin());
  stream_.rekey(key);
}

SeededRandom::SeededRandom(std::uint64_t seed) : SeededRandom(little_endian(seed)) {}

void SeededRandom::fill(MutableBytes out) { stream_.read(out); }

}  // namespace sotto::crypto
