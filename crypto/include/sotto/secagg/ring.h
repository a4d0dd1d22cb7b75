// Ring vectors: what is masked, sent and summed (PROTOCOL.md, "Ring vectors"). Freestanding, no heap.
//
// A device contributes one value in [0, 255] per lane. The ring is wide enough that the sum over the largest
// allowed cohort never wraps, so sums are exact and every order of addition gives equal bits.
//   up to 257 participants: one 16-bit little-endian lane per value, added mod 2^16;
//   above: `values_per_word` lanes of `bits` bits in each 128-bit little-endian word, added mod 2^128.
// In memory a vector has byte_count() bytes, which need no alignment. It travels as it is, or packed: without
// the upper bits of every word that no sum can reach.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

// How a vector travels: whole words, or the low word_bits() of each as one string of bits.
enum class Packing : std::uint8_t { kWords = 1, kBits = 2 };

// The largest value that a device contributes to a lane.
inline constexpr std::uint32_t kLaneMax = 255;

class RingLayout {
 public:
  // Requires 1 <= participants_max <= limits::kParticipantsMax and lane_count >= 1.
  RingLayout(std::size_t participants_max, std::size_t lane_count, Packing packing = Packing::kWords);

  [[nodiscard]] std::size_t lane_count() const { return lane_count_; }
  [[nodiscard]] std::uint8_t bits() const { return bits_; }  // bits per lane: 16, or ceil(log2(255 n + 1))
  [[nodiscard]] std::size_t values_per_word() const { return values_per_word_; }  // 1 for 16-bit lanes
  [[nodiscard]] bool word_packed() const { return values_per_word_ > 1; }
  [[nodiscard]] std::size_t byte_count() const { return byte_count_; }
  [[nodiscard]] Packing packing() const { return packing_; }
  // Bits of each word that travel: all 16 or 128 of them, or as many as the largest sum fills.
  [[nodiscard]] std::size_t word_bits() const { return word_bits_; }
  [[nodiscard]] std::size_t message_bytes() const { return message_bytes_; }  // of a vector that travels

  friend bool operator==(const RingLayout&, const RingLayout&) = default;

 private:
  std::size_t lane_count_;
  std::uint8_t bits_;
  std::size_t values_per_word_;
  std::size_t byte_count_;
  Packing packing_;
  std::size_t word_bits_;
  std::size_t message_bytes_;
};

// values: lane_count() entries in [0, 255] -> the ring vector.
void ring_encode(const RingLayout& layout, std::span<const std::uint8_t> values, MutableBytes ring);
// The sums in each lane, lane_count() entries. Of a packed layout's words the bits that do not travel are
// left out.
void ring_decode(const RingLayout& layout, Bytes ring, std::span<std::uint32_t> sums);
// accumulator += addend in the ring.
void ring_add(const RingLayout& layout, MutableBytes accumulator, Bytes addend);
// The same for equally long parts of both, of whole words.
void ring_add_part(const RingLayout& layout, MutableBytes accumulator, Bytes addend);
// lanes `first_lane`, `first_lane` + 1, ... += the addends mod 2^bits, each apart: nothing is carried from
// one lane into the next. Requires that they are lanes of `layout`.
void ring_add_to_lanes(const RingLayout& layout, MutableBytes ring, std::size_t first_lane,
                       std::span<const std::uint64_t> addends);
// accumulator -= subtrahend in the ring.
void ring_subtract(const RingLayout& layout, MutableBytes accumulator, Bytes subtrahend);

// Turns a vector into what travels, in place: the first message_bytes() bytes of `ring`, which are returned.
MutableBytes ring_pack(const RingLayout& layout, MutableBytes ring);
// accumulator += the vector that arrived as `message`, unpacked on the way. kWrongLength unless it has
// message_bytes() bytes, kMalformed when bits beyond its last word are set; the accumulator is then
// untouched.
[[nodiscard]] Rejection ring_add_message(const RingLayout& layout, MutableBytes accumulator, Bytes message);

enum class MaskSign : std::uint8_t { kAdd, kSubtract };
// Adds or subtracts the stream's next byte_count() bytes, read as a ring vector.
void ring_apply_mask(const RingLayout& layout, MutableBytes ring, crypto::Keystream& stream, MaskSign sign);
// The same for a part: `ring_part` starts at `byte_offset` (a multiple of 64) of the vector; the stream is at
// that offset. Used to walk cache-sized blocks over many masks. ring_part.size() is a multiple of 64 unless
// it ends the vector.
void ring_apply_mask_part(const RingLayout& layout, MutableBytes ring_part, crypto::Keystream& stream,
                          MaskSign sign);

}  // namespace sotto::secagg
