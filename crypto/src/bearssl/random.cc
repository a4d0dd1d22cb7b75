// The board's randomness.
#include <bearssl.h>

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/crypto/entropy.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t kSeedBytes = 64;                          // 256 bits of entropy at half a bit for each
constexpr std::size_t kBytesPerRequest = std::size_t{1} << 16;  // SP 800-90A table 2

}  // namespace

// Seeded for every request: no state lies in memory between two, and none can be used again after a restart.
void SystemRandom::fill(MutableBytes out) {
  if (out.empty()) return;
  SecretBytes<kSeedBytes> seed;
  SOTTO_CHECK(sotto_board_entropy(seed.reveal_mutable().data(), kSeedBytes) == 1);
  // What a generator that has stopped would give: known bytes.
  const auto first = seed.reveal()[0];
  SOTTO_CHECK(std::ranges::any_of(seed.reveal(), [&](std::uint8_t byte) { return byte != first; }));
  br_hmac_drbg_context generator;
  br_hmac_drbg_init(&generator, &br_sha256_vtable, seed.reveal().data(), kSeedBytes);
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kBytesPerRequest);
    br_hmac_drbg_generate(&generator, out.data(), count);
    out = out.subspan(count);
  }
  wipe({reinterpret_cast<std::uint8_t*>(&generator), sizeof generator});
}

}  // namespace sotto::crypto
