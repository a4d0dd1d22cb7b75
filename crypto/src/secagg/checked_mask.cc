// PROTOCOL.md section 10.4.
#include "sotto/secagg/checked_mask.h"

#include <algorithm>
#include <array>

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

// Words of mask and of coefficients that are made at a time, on the stack: together one block.
constexpr std::size_t kBlockWords = crypto::backend::kBlockBytes / 2 / kMaskWordBytes;
static_assert(kBlockWords > 0);
using WordBlock = std::array<std::uint64_t, kBlockWords>;

// Words are little-endian, and so is every machine this runs on (ring.cc).
MutableBytes bytes_of(std::span<std::uint64_t> words) {
  return {reinterpret_cast<std::uint8_t*>(words.data()), words.size_bytes()};
}

void wipe(WordBlock& words) { crypto::wipe(bytes_of(words)); }

}  // namespace

void coefficient_key(const CheckKey& check_key, const crypto::Digest& plan_digest, MaskKey& key) {
  crypto::hkdf_sha256({.input_key = check_key.reveal(), .salt = plan_digest, .info = labels::kOneShotCheck},
                      key.reveal_mutable());
}

std::uint64_t apply_checked_mask(const RingLayout& layout, MutableBytes ring, const CheckedMaskKeys& keys) {
  crypto::Keystream mask(keys.prg);
  mask.rekey(keys.mask);
  crypto::Keystream coefficients(keys.prg);
  coefficients.rekey(keys.coefficients);
  WordBlock words;
  WordBlock factors;
  std::uint64_t tag = 0;
  for (std::size_t lane = 0; lane < layout.lane_count(); lane += kBlockWords) {
    const std::size_t count = std::min(kBlockWords, layout.lane_count() - lane);
    const std::span<std::uint64_t> own = std::span(words).first(count);
    mask.read(bytes_of(own));
    coefficients.read(bytes_of(std::span(factors).first(count)));
    for (std::size_t i = 0; i < count; ++i) tag += factors[i] * own[i];
    ring_add_to_lanes(layout, ring, lane, own);
  }
  const std::span<std::uint64_t> last = std::span(words).first(1);
  mask.read(bytes_of(last));
  tag += last[0];
  wipe(words);
  wipe(factors);
  return tag;
}

void add_mask_words(MutableBytes sum, crypto::Keystream& stream) {
  SOTTO_CHECK(sum.size() % kMaskWordBytes == 0);
  std::array<std::uint64_t, 2 * kBlockWords> block;
  while (!sum.empty()) {
    const std::size_t count = std::min(block.size(), sum.size() / kMaskWordBytes);
    const std::span<std::uint64_t> words = std::span(block).first(count);
    stream.read(bytes_of(words));
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t* const at = sum.data() + kMaskWordBytes * i;
      store_le(at, load_le<std::uint64_t>(at) + words[i]);
    }
    sum = sum.subspan(count * kMaskWordBytes);
  }
  crypto::wipe(bytes_of(block));
}

std::uint64_t tag_of_sum(Bytes sum, const MaskKey& coefficients, crypto::Prg prg) {
  SOTTO_CHECK(!sum.empty() && sum.size() % kMaskWordBytes == 0);
  crypto::Keystream stream(prg);
  stream.rekey(coefficients);
  std::array<std::uint64_t, 2 * kBlockWords> block;
  std::uint64_t tag = load_le<std::uint64_t>(sum.last(kMaskWordBytes).data());
  sum = sum.first(sum.size() - kMaskWordBytes);
  while (!sum.empty()) {
    const std::size_t count = std::min(block.size(), sum.size() / kMaskWordBytes);
    stream.read(bytes_of(std::span(block).first(count)));
    for (std::size_t i = 0; i < count; ++i) {
      tag += block[i] * load_le<std::uint64_t>(sum.data() + kMaskWordBytes * i);
    }
    sum = sum.subspan(count * kMaskWordBytes);
  }
  crypto::wipe(bytes_of(block));
  return tag;
}

void subtract_mask_sum(std::span<std::uint32_t> lanes, Bytes sum) {
  SOTTO_CHECK(sum.size() == checked_mask_bytes(lanes.size()));
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    lanes[i] -= static_cast<std::uint32_t>(load_le<std::uint64_t>(sum.data() + kMaskWordBytes * i));
  }
}

}  // namespace sotto::secagg
