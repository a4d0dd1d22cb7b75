// Shamir secret sharing of 16-byte seeds over the prime field of p = 2^61 - 1 (Shamir 1979), three limbs of
// 43, 43 and 42 bits. Freestanding, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

inline constexpr std::size_t kSeedBytes = 16;
inline constexpr std::size_t kShareBytes = 24;  // three field elements, little-endian 64-bit each
using Seed = crypto::SecretBytes<kSeedBytes>;
using Share = std::array<std::uint8_t, kShareBytes>;

// A polynomial per limb with the secret at 0. Its threshold - 1 random coefficients per limb are not stored:
// each share_at() reads them again from a keystream whose key was drawn from `random`.
class SeedSharing {
 public:
  // Requires 1 <= threshold <= limits::kParticipantsMax.
  SeedSharing(const Seed& secret, std::size_t threshold, Random& random);
  // The share at point x >= 1. Equal x give equal shares.
  [[nodiscard]] Share share_at(std::uint32_t x);

 private:
  std::size_t threshold_;
  Seed secret_;
  crypto::Keystream coefficients_{crypto::Prg::kChaCha20};
};

struct SharePoint {
  std::uint32_t x = 0;
  Share share{};
};
// Lagrange coefficients at 0 for the points' x, to be used with many secrets shared to the same holders.
// `weights` has points.size() entries. False when an x is zero or occurs twice.
[[nodiscard]] bool lagrange_at_zero(std::span<const std::uint32_t> xs, std::span<std::uint64_t> weights);
// Combines exactly threshold shares. False when a share is not three field elements or the result is not a
// seed.
[[nodiscard]] bool combine_shares(std::span<const Share> shares, std::span<const std::uint64_t> weights,
                                  Seed& secret);

}  // namespace sotto::secagg
