// The operating system's randomness.
#include <openssl/rand.h>

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t kRandomBytesPerCall = std::size_t{1} << 20;  // RAND counts in int

}  // namespace

void SystemRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kRandomBytesPerCall);
    SOTTO_CHECK(RAND_priv_bytes(out.data(), static_cast<int>(count)) == 1);
    out = out.subspan(count);
  }
}

}  // namespace sotto::crypto
