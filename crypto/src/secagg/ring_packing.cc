// PROTOCOL.md section 5, how a vector travels.
#include <algorithm>
#include <array>
#include <bit>

#include "sotto/base/check.h"
#include "sotto/secagg/ring.h"

namespace sotto::secagg {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kLaneBytes = 2;
constexpr std::size_t kWordBytes = 16;
// Words unpacked at a time: a multiple of 8, so that every block begins at a whole byte of the message.
constexpr std::size_t kBlockLanes = 2048;
constexpr std::size_t kBlockWords = 256;
constexpr std::size_t kBlockBytes = 4096;
static_assert(kBlockLanes * kLaneBytes == kBlockBytes && kBlockWords * kWordBytes == kBlockBytes);

constexpr std::uint64_t low_bits(std::size_t count) { return (std::uint64_t{1} << count) - 1; }

// Appends bits to a string of bits. At most 32 wait to be written: it may overwrite what was already read.
class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* to) : to_(to) {}
  // Requires count <= 32 and no bit of `value` set above.
  void append(std::uint64_t value, std::size_t count) {
    pending_ |= value << pending_bits_;
    pending_bits_ += count;
    if (pending_bits_ < 32) return;
    std::memcpy(to_, &pending_, 4);
    to_ += 4;
    pending_ >>= 32;
    pending_bits_ -= 32;
  }
  void finish() {
    for (; pending_bits_ > 0; pending_bits_ -= std::min<std::size_t>(pending_bits_, 8), pending_ >>= 8)
      *to_++ = static_cast<std::uint8_t>(pending_);
  }

 private:
  std::uint8_t* to_;
  std::uint64_t pending_ = 0;
  std::size_t pending_bits_ = 0;
};

// 64 bits from a bit position on. Reads up to nine bytes.
std::uint64_t bits_at(const std::uint8_t* from, std::size_t position) {
  std::uint64_t low = 0;
  std::memcpy(&low, from + position / 8, sizeof low);
  const std::size_t shift = position % 8;
  return shift == 0 ? low : low >> shift | std::uint64_t{from[position / 8 + 8]} << (64 - shift);
}

void unpack_lanes(const std::uint8_t* from, std::size_t word_bits, std::size_t count, std::uint8_t* to) {
  const std::uint64_t mask = low_bits(word_bits);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position = i * word_bits;
    std::uint32_t bits = 0;  // a lane has at most 16, from any bit of its first byte on
    std::memcpy(&bits, from + position / 8, sizeof bits);
    const auto lane = static_cast<std::uint16_t>(bits >> (position % 8) & mask);
    std::memcpy(to + kLaneBytes * i, &lane, kLaneBytes);
  }
}

void unpack_words(const std::uint8_t* from, std::size_t word_bits, std::size_t count, std::uint8_t* to) {
  const std::uint64_t mask = low_bits(word_bits - 64);
  for (std::size_t i = 0; i < count; ++i) {
    const std::array<std::uint64_t, 2> word = {bits_at(from, i * word_bits),
                                               bits_at(from, i * word_bits + 64) & mask};
    std::memcpy(to + kWordBytes * i, word.data(), kWordBytes);
  }
}

bool padding_is_zero(const RingLayout& layout, Bytes message) {
  const std::size_t words = layout.byte_count() / (layout.word_packed() ? kWordBytes : kLaneBytes);
  const std::size_t used = words * layout.word_bits() % 8;
  return used == 0 || message.back() >> used == 0;
}

}  // namespace

MutableBytes ring_pack(const RingLayout& layout, MutableBytes ring) {
  SOTTO_CHECK(ring.size() == layout.byte_count());
  if (layout.packing() == Packing::kWords) return ring;
  BitWriter writer(ring.data());
  if (!layout.word_packed()) {
    for (std::size_t at = 0; at < ring.size(); at += kLaneBytes)
      writer.append(load_le<std::uint16_t>(ring.data() + at) & low_bits(layout.word_bits()),
                    layout.word_bits());
  } else {
    for (std::size_t at = 0; at < ring.size(); at += kWordBytes) {
      for (std::size_t bit = 0; bit < layout.word_bits(); bit += 32) {
        const std::size_t count = std::min<std::size_t>(32, layout.word_bits() - bit);
        writer.append(load_le<std::uint32_t>(ring.data() + at + bit / 8) & low_bits(count), count);
      }
    }
  }
  writer.finish();
  return ring.first(layout.message_bytes());
}

Rejection ring_add_message(const RingLayout& layout, MutableBytes accumulator, Bytes message) {
  SOTTO_CHECK(accumulator.size() == layout.byte_count());
  if (message.size() != layout.message_bytes()) return Rejection::kWrongLength;
  if (layout.packing() == Packing::kWords) {
    ring_add(layout, accumulator, message);
    return Rejection::kNone;
  }
  if (!padding_is_zero(layout, message)) return Rejection::kMalformed;
  const std::size_t word_bytes = layout.word_packed() ? kWordBytes : kLaneBytes;
  const std::size_t packed_block = kBlockBytes / word_bytes * layout.word_bits() / 8;
  std::array<std::uint8_t, kBlockBytes + 16> packed{};  // with room for reads beyond the last word
  alignas(64) std::array<std::uint8_t, kBlockBytes> words;
  while (!accumulator.empty()) {
    const std::size_t bytes = std::min(kBlockBytes, accumulator.size());
    const Bytes from = message.first(std::min(packed_block, message.size()));
    std::memcpy(packed.data(), from.data(), from.size());
    (layout.word_packed() ? unpack_words : unpack_lanes)(packed.data(), layout.word_bits(),
                                                         bytes / word_bytes, words.data());
    ring_add_part(layout, accumulator.first(bytes), Bytes(words).first(bytes));
    accumulator = accumulator.subspan(bytes);
    message = message.subspan(from.size());
  }
  return Rejection::kNone;
}

}  // namespace sotto::secagg
