// The vectors of a one-shot cohort, added up as they come, until the masks are taken off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sotto/secagg/one_shot.h"
#include "sotto/secagg/ring.h"

namespace sotto::aggregator {

// With one helper a sum in the ring. With two every lane is added up by itself, and so are the tags.
class MaskedSum {
 public:
  MaskedSum(const secagg::RingLayout& layout, std::size_t helpers);

  // kMalformed, and nothing is added, when bits beyond the vector's last word are set. Requires a vector of
  // the layout's length.
  [[nodiscard]] Rejection add(const secagg::OneShotMessage& message);

  // Of the sum of masks that a helper gives out.
  [[nodiscard]] std::size_t mask_sum_bytes() const;
  // With two helpers: whether a sum of so many bytes is that of the masks for the helper with this place.
  [[nodiscard]] bool fits_tags(std::size_t place, Bytes mask_sum, const secagg::MaskKey& coefficients,
                               crypto::Prg prg) const;
  // Of mask_sum_bytes().
  void subtract(Bytes mask_sum);
  // The sum in each lane, when the masks of all helpers are subtracted.
  [[nodiscard]] std::vector<std::uint32_t> lanes() const;

 private:
  [[nodiscard]] bool one_helper() const { return lanes_.empty(); }

  secagg::RingLayout layout_;
  std::vector<std::uint8_t> ring_;  // the sum; with two helpers the vector that is being added
  // With two helpers only.
  std::vector<std::uint32_t> lanes_;  // mod 2^32
  std::vector<std::uint32_t> addend_;
  std::array<std::uint64_t, secagg::kHelpersMax> tags_{};
};

}  // namespace sotto::aggregator
