// Taking masks off a sum.
#pragma once

#include <span>

#include "sotto/base/executor.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/wire.h"

namespace sotto::aggregator {

// A mask that is in the sum, and what takes it out.
struct Mask {
  secagg::MaskKey key;
  secagg::MaskSign removal = secagg::MaskSign::kSubtract;
};

// Applies all removals to `ring`. The vector is cut into blocks that stay in a core's cache while every mask
// passes over them; blocks run in parallel. The result does not depend on the executor.
void remove_masks(const secagg::RingLayout& layout, crypto::Prg prg, std::span<const Mask> masks,
                  MutableBytes ring, Executor& executor);

}  // namespace sotto::aggregator
