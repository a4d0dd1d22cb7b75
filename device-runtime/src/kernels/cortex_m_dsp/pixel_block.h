// The inner product of convolutions: a block of kBlockPixels windows times every output channel.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::dsp {

// Pixels or windows of a block; a shorter block repeats its first one.
struct BlockInput {
  const std::int8_t* windows[3];
  std::uint32_t depth;  // bytes of each window
};

struct BlockOutput {
  std::int8_t* pixels[3];  // a shorter block repeats its first one
};

// Widens a block to `widened`: per quad three words of steps (0, 2), one for each window, then three of (1,
// 3); behind the last step any value, whose weights are zero. Reads nothing behind a window.
void widen_block(const BlockInput& input, std::uint32_t* widened);

// Computes a block's outputs in every channel.
class BlockProduct {
 public:
  // The call's parameters are ConvParameters.
  explicit BlockProduct(const KernelCall& call);
  void operator()(const std::uint32_t* widened, const BlockOutput& output) const;

 private:
  const KernelCall& call_;
  bool saturating_;
};

}  // namespace sotto::device::dsp
