// Who is whose neighbour: a k-regular Harary graph over a permutation seeded by the commitment to all keys
// (Bell et al. 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", section 3), or the
// complete graph. Freestanding, no heap.
#pragma once

#include <cstdint>
#include <span>

#include "sotto/base/ids.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

struct GraphParameters {
  std::uint16_t participants = 0;  // n
  std::uint16_t neighbours = 0;    // k: n - 1 (complete), or even and < n - 1
  std::uint16_t threshold = 0;     // t shares open a seed, 1 <= t <= k
  friend bool operator==(const GraphParameters&, const GraphParameters&) = default;
};

// A uniformly random permutation of 0 .. order.size() - 1 (Fisher-Yates on a ChaCha20 stream keyed by
// `seed`).
void permute(const crypto::Digest& seed, std::span<std::uint16_t> order);

// Writes the k neighbours of `self` in ascending order. `order` is the permutation of all n participants,
// `neighbours` has exactly k entries.
void neighbours_of(ParticipantIndex self, std::span<const std::uint16_t> order,
                   std::span<std::uint16_t> neighbours);
// The same without memory of its own: rearranges `order` and returns the part of it that holds the k
// neighbours, ascending.
[[nodiscard]] std::span<const std::uint16_t> neighbours_in_place(ParticipantIndex self,
                                                                 std::size_t neighbours,
                                                                 std::span<std::uint16_t> order);

}  // namespace sotto::secagg
