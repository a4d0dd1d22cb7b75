// PROTOCOL.md section 5.
#include "sotto/secagg/ring.h"

#include <algorithm>
#include <bit>

#include "secagg/ring_arithmetic.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::secagg {
namespace {

// The wire is little-endian and so is every machine this runs on; loops over native words then need no byte
// shuffling.
static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kLaneBytes = 2;
constexpr std::size_t kWordBytes = 16;
constexpr std::uint8_t kLaneBits = 16;
constexpr std::size_t kWordBits = 128;
// Keystream made at a time, on the stack: whole words of both kinds.
constexpr std::size_t kMaskBlockBytes = crypto::backend::kBlockBytes;
static_assert(kMaskBlockBytes % 64 == 0);

struct Word {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

Word load_word(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, kWordBytes);
  return word;
}

void store_word(std::uint8_t* to, const Word& word) { std::memcpy(to, &word, kWordBytes); }

// Requires 0 <= shift < 128 and that no set bit is shifted out.
Word shift_left(std::uint64_t value, std::size_t shift) {
  if (shift == 0) return {value, 0};
  if (shift >= 64) return {0, value << (shift - 64)};
  return {value << shift, value >> (64 - shift)};
}

std::uint64_t shift_right(const Word& word, std::size_t shift) {
  if (shift == 0) return word.low;
  if (shift >= 64) return word.high >> (shift - 64);
  return word.low >> shift | word.high << (64 - shift);
}

std::size_t bytes_per_word(const RingLayout& layout) {
  return layout.word_packed() ? kWordBytes : kLaneBytes;
}

constexpr std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

void combine(const RingLayout& layout, MutableBytes accumulator, Bytes operand, MaskSign sign) {
  const RingArithmetic& arithmetic = ring_arithmetic();
  const bool adds = sign == MaskSign::kAdd;
  const CombineBytes function = layout.word_packed()
                                    ? (adds ? arithmetic.add_words : arithmetic.subtract_words)
                                    : (adds ? arithmetic.add_lanes : arithmetic.subtract_lanes);
  function(accumulator.data(), operand.data(), accumulator.size());
}

}  // namespace

RingLayout::RingLayout(std::size_t participants_max, std::size_t lane_count, Packing packing)
    : lane_count_(lane_count), packing_(packing) {
  SOTTO_CHECK(participants_max >= 1 && participants_max <= limits::kParticipantsMax && lane_count >= 1);
  const bool packed = packing == Packing::kBits;
  if (participants_max <= limits::kU16LaneParticipantsMax) {
    bits_ = kLaneBits;
    values_per_word_ = 1;
    byte_count_ = kLaneBytes * lane_count;
    word_bits_ = packed ? static_cast<std::size_t>(std::bit_width(kLaneMax * participants_max)) : kLaneBits;
  } else {
    bits_ = static_cast<std::uint8_t>(std::bit_width(kLaneMax * participants_max));
    values_per_word_ = kWordBits / bits_;
    byte_count_ = kWordBytes * ((lane_count + values_per_word_ - 1) / values_per_word_);
    word_bits_ = packed ? bits_ * values_per_word_ : kWordBits;
  }
  message_bytes_ = (byte_count_ / bytes_per_word(*this) * word_bits_ + 7) / 8;
}

void ring_encode(const RingLayout& layout, std::span<const std::uint8_t> values, MutableBytes ring) {
  SOTTO_CHECK(values.size() == layout.lane_count() && ring.size() == layout.byte_count());
  if (!layout.word_packed()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      ring[kLaneBytes * i] = values[i];
      ring[kLaneBytes * i + 1] = 0;
    }
    return;
  }
  std::uint8_t* to = ring.data();
  for (std::size_t first = 0; first < values.size(); first += layout.values_per_word(), to += kWordBytes) {
    const std::size_t count = std::min(layout.values_per_word(), values.size() - first);
    Word word;
    for (std::size_t i = 0; i < count; ++i) {
      const Word lane = shift_left(values[first + i], i * layout.bits());
      word.low |= lane.low;
      word.high |= lane.high;
    }
    store_word(to, word);
  }
}

void ring_decode(const RingLayout& layout, Bytes ring, std::span<std::uint32_t> sums) {
  SOTTO_CHECK(sums.size() == layout.lane_count() && ring.size() == layout.byte_count());
  if (!layout.word_packed()) {
    const auto travels = static_cast<std::uint16_t>(low_bits(layout.word_bits()));
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = load_le<std::uint16_t>(ring.data() + kLaneBytes * i) & travels;
    return;
  }
  const std::uint64_t lane_mask = (std::uint64_t{1} << layout.bits()) - 1;
  const std::uint8_t* from = ring.data();
  for (std::size_t first = 0; first < sums.size(); first += layout.values_per_word(), from += kWordBytes) {
    const std::size_t count = std::min(layout.values_per_word(), sums.size() - first);
    const Word word = load_word(from);
    for (std::size_t i = 0; i < count; ++i) {
      sums[first + i] = static_cast<std::uint32_t>(shift_right(word, i * layout.bits()) & lane_mask);
    }
  }
}

void ring_add(const RingLayout& layout, MutableBytes accumulator, Bytes addend) {
  SOTTO_CHECK(accumulator.size() == layout.byte_count() && addend.size() == layout.byte_count());
  ring_add_part(layout, accumulator, addend);
}

void ring_add_part(const RingLayout& layout, MutableBytes accumulator, Bytes addend) {
  SOTTO_CHECK(accumulator.size() == addend.size() && addend.size() % bytes_per_word(layout) == 0);
  combine(layout, accumulator, addend, MaskSign::kAdd);
}

void ring_add_to_lanes(const RingLayout& layout, MutableBytes ring, std::size_t first_lane,
                       std::span<const std::uint64_t> addends) {
  SOTTO_CHECK(ring.size() == layout.byte_count());
  SOTTO_CHECK(first_lane <= layout.lane_count() && addends.size() <= layout.lane_count() - first_lane);
  if (!layout.word_packed()) {
    std::uint8_t* lane = ring.data() + kLaneBytes * first_lane;
    for (const std::uint64_t addend : addends) {
      store_le(lane, static_cast<std::uint16_t>(load_le<std::uint16_t>(lane) + addend));
      lane += kLaneBytes;
    }
    return;
  }
  // A lane lies within 32 bits that begin with a byte of its word.
  const auto ring_mask = static_cast<std::uint32_t>(low_bits(layout.bits()));
  std::uint8_t* word = ring.data() + kWordBytes * (first_lane / layout.values_per_word());
  std::size_t place = first_lane % layout.values_per_word();
  for (const std::uint64_t addend : addends) {
    const std::size_t shift = place * layout.bits();
    const std::size_t byte = std::min(shift / 8, kWordBytes - sizeof(std::uint32_t));
    const std::size_t bit = shift - 8 * byte;
    const auto window = load_le<std::uint32_t>(word + byte);
    const std::uint32_t sum = window + (static_cast<std::uint32_t>(addend) << bit);
    const std::uint32_t lane = ring_mask << bit;
    store_le(word + byte, (window & ~lane) | (sum & lane));
    if (++place < layout.values_per_word()) continue;
    place = 0;
    word += kWordBytes;
  }
}

void ring_subtract(const RingLayout& layout, MutableBytes accumulator, Bytes subtrahend) {
  SOTTO_CHECK(accumulator.size() == layout.byte_count() && subtrahend.size() == layout.byte_count());
  combine(layout, accumulator, subtrahend, MaskSign::kSubtract);
}

void ring_apply_mask(const RingLayout& layout, MutableBytes ring, crypto::Keystream& stream, MaskSign sign) {
  SOTTO_CHECK(ring.size() == layout.byte_count());
  ring_apply_mask_part(layout, ring, stream, sign);
}

void ring_apply_mask_part(const RingLayout& layout, MutableBytes ring_part, crypto::Keystream& stream,
                          MaskSign sign) {
  SOTTO_CHECK(ring_part.size() <= layout.byte_count());
  SOTTO_CHECK(ring_part.size() % bytes_per_word(layout) == 0);
  alignas(64) std::array<std::uint8_t, kMaskBlockBytes> block;
  while (!ring_part.empty()) {
    const MutableBytes mask = MutableBytes(block).first(std::min(block.size(), ring_part.size()));
    stream.read(mask);
    combine(layout, ring_part.first(mask.size()), mask, sign);
    ring_part = ring_part.subspan(mask.size());
  }
  crypto::wipe(block);
}

}  // namespace sotto::secagg
