#include "masked_sum.h"

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::aggregator {

MaskedSum::MaskedSum(const secagg::RingLayout& layout, std::size_t helpers)
    : layout_(layout),
      ring_(layout.byte_count()),
      lanes_(helpers > 1 ? layout.lane_count() : 0),
      addend_(lanes_.size()) {}

Rejection MaskedSum::add(const secagg::OneShotMessage& message) {
  if (one_helper()) return secagg::ring_add_message(layout_, ring_, message.vector);
  std::fill(ring_.begin(), ring_.end(), std::uint8_t{0});
  const Rejection rejection = secagg::ring_add_message(layout_, ring_, message.vector);
  if (!accepted(rejection)) return rejection;
  secagg::ring_decode(layout_, ring_, addend_);
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] += addend_[i];
  for (std::size_t i = 0; i < message.tags.size(); ++i) tags_[i] += message.tags[i];
  return Rejection::kNone;
}

std::size_t MaskedSum::mask_sum_bytes() const {
  return one_helper() ? layout_.byte_count() : secagg::checked_mask_bytes(layout_.lane_count());
}

bool MaskedSum::fits_tags(std::size_t place, Bytes mask_sum, const secagg::MaskKey& coefficients,
                          crypto::Prg prg) const {
  SOTTO_CHECK(place < tags_.size() && mask_sum.size() == mask_sum_bytes());
  return secagg::tag_of_sum(mask_sum, coefficients, prg) == tags_[place];
}

void MaskedSum::subtract(Bytes mask_sum) {
  if (one_helper()) return secagg::ring_subtract(layout_, ring_, mask_sum);
  secagg::subtract_mask_sum(lanes_, mask_sum);
}

std::vector<std::uint32_t> MaskedSum::lanes() const {
  if (one_helper()) {
    std::vector<std::uint32_t> sums(layout_.lane_count());
    secagg::ring_decode(layout_, ring_, sums);
    return sums;
  }
  const std::size_t bits = layout_.word_packed() ? layout_.bits() : layout_.word_bits();
  std::vector<std::uint32_t> sums = lanes_;
  for (std::uint32_t& sum : sums) sum &= (std::uint32_t{1} << bits) - 1;
  return sums;
}

}  // namespace sotto::aggregator
