// Ring vectors: what is masked, sent and summed (PROTOCOL.md, "Ring vectors"). Freestanding, no heap.
//
// A device contributes one value in [0, 255] per lane. The ring is wide enough that the sum over the largest
// allowed cohort never wraps, so sums are exact and every order of addition gives equal bits.
//   up to 257 participants: one 16-bit little-endian lane per value, added mod 2^16;
//   above: `values_per_word` lanes of `bits` bits in each 128-bit little-endian word, added mod 2^128.
// The memory image is the wire format. All spans have exactly byte_count() bytes and need no alignment.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

class RingLayout {
 public:
  // Requires 1 <= participants_max <= limits::kParticipantsMax and lane_count >= 1.
  RingLayout(std::size_t participants_max, std::size_t lane_count);

  [[nodiscard]] std::size_t lane_count() const { return lane_count_; }
  [[nodiscard]] std::uint8_t bits() const { return bits_; }  // bits per lane: 16, or ceil(log2(255 n + 1))
  [[nodiscard]] std::size_t values_per_word() const { return values_per_word_; }  // 1 for 16-bit lanes
  [[nodiscard]] bool word_packed() const { return values_per_word_ > 1; }
  [[nodiscard]] std::size_t byte_count() const { return byte_count_; }

  friend bool operator==(const RingLayout&, const RingLayout&) = default;

 private:
  std::size_t lane_count_;
  std::uint8_t bits_;
  std::size_t values_per_word_;
  std::size_t byte_count_;
};

// values: lane_count() entries in [0, 255] -> the ring vector.
void ring_encode(const RingLayout& layout, std::span<const std::uint8_t> values, MutableBytes ring);
// The sums in each lane, lane_count() entries.
void ring_decode(const RingLayout& layout, Bytes ring, std::span<std::uint32_t> sums);
// accumulator += addend in the ring.
void ring_add(const RingLayout& layout, MutableBytes accumulator, Bytes addend);

enum class MaskSign : std::uint8_t { kAdd, kSubtract };
// Adds or subtracts the stream's next byte_count() bytes, read as a ring vector.
void ring_apply_mask(const RingLayout& layout, MutableBytes ring, crypto::Keystream& stream, MaskSign sign);
// The same for a part: `ring_part` starts at `byte_offset` (a multiple of 64) of the vector; the stream is at
// that offset. Used to walk cache-sized blocks over many masks. ring_part.size() is a multiple of 64 unless
// it ends the vector.
void ring_apply_mask_part(const RingLayout& layout, MutableBytes ring_part, crypto::Keystream& stream,
                          MaskSign sign);

}  // namespace sotto::secagg
