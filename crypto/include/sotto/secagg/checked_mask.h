// Masks for two helpers, whose sums can be checked (PROTOCOL.md section 10.4): a helper that gives out
// another sum than that of its masks is found out. Freestanding, no heap.
//
// A mask is lane_count + 1 words of 64 bits from one keystream: m[j] for each lane j, and k. For each helper
//
//   device       lane j += m[j] mod 2^bits;                tag = k + sum of r[j] m[j]
//   helper       adds the masks of its set word by word:   M[j], K
//   coordinator  the devices' tags add up to K + sum of r[j] M[j]?   then lane j -= M[j] mod 2^bits
//
// Tags and words are added mod 2^64. The coefficients r[j] are the keystream of a key that devices and
// coordinator have, and helpers do not. This is the MAC of SPDZ2k (Cramer, Damgard, Escudero, Scholl and
// Xing, CRYPTO 2018): who changes a lane of the sum by anything but a multiple of 2^bits, without knowing r,
// passes with a probability of at most 2^-(65 - bits). Words are wider than lanes so that their sums hide,
// too, which masks have wrapped.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/secagg/ring.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

// Drawn by the coordinator for one round; its devices have it, nobody else.
inline constexpr std::size_t kCheckKeyBytes = 32;
using CheckKey = crypto::SecretBytes<kCheckKeyBytes>;

// The key of the coefficients r[j].
void coefficient_key(const CheckKey& check_key, const crypto::Digest& plan_digest, MaskKey& key);

inline constexpr std::size_t kMaskWordBytes = 8;
// Of a mask, and of the sum of masks that a helper gives out.
[[nodiscard]] constexpr std::size_t checked_mask_bytes(std::size_t lane_count) {
  return (lane_count + 1) * kMaskWordBytes;
}

struct CheckedMaskKeys {
  const MaskKey& mask;
  const MaskKey& coefficients;
  crypto::Prg prg = crypto::Prg::kChaCha20;
};
// Adds the mask to `ring`, `layout`'s vector, each lane by itself. Returns its tag.
[[nodiscard]] std::uint64_t apply_checked_mask(const RingLayout& layout, MutableBytes ring,
                                               const CheckedMaskKeys& keys);

// sum += the stream's next bytes, word by word. Requires whole words.
void add_mask_words(MutableBytes sum, crypto::Keystream& stream);

// What the tags of a set must add up to whose masks add up to `sum`, a helper's answer.
[[nodiscard]] std::uint64_t tag_of_sum(Bytes sum, const MaskKey& coefficients, crypto::Prg prg);
// lanes -= the words of `sum` that are theirs, mod 2^32. Requires sum.size() ==
// checked_mask_bytes(lanes.size()).
void subtract_mask_sum(std::span<std::uint32_t> lanes, Bytes sum);

}  // namespace sotto::secagg
