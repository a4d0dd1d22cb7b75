#include "unmasking.h"

#include <algorithm>

namespace sotto::aggregator {
namespace {

constexpr std::size_t kBlockBytesMax = 32 * 1024;  // a level-1 data cache
constexpr std::size_t kBlockBytesMin = 1024;  // below this, starting a keystream costs more than reading it
constexpr std::size_t kBlocksPerThread = 4;   // evens out threads that are held up
constexpr std::size_t kAlignment = 64;        // keystreams seek to multiples of this
static_assert(kBlockBytesMax % kAlignment == 0 && kBlockBytesMin % kAlignment == 0);

std::size_t block_bytes(std::size_t vector_bytes, std::size_t threads) {
  const std::size_t even = vector_bytes / (threads * kBlocksPerThread);
  return std::clamp(even - even % kAlignment, kBlockBytesMin, kBlockBytesMax);
}

}  // namespace

void remove_masks(const secagg::RingLayout& layout, crypto::Prg prg, std::span<const Mask> masks,
                  MutableBytes ring, Executor& executor) {
  const std::size_t block = block_bytes(ring.size(), executor.thread_count());
  const std::size_t blocks = (ring.size() + block - 1) / block;
  executor.parallel_for(blocks, [&](std::size_t index) {
    const std::size_t offset = index * block;
    const MutableBytes part = ring.subspan(offset, std::min(block, ring.size() - offset));
    crypto::Keystream stream(prg);
    for (const Mask& mask : masks) {
      stream.rekey(mask.key);
      if (offset > 0) stream.seek(offset);
      secagg::ring_apply_mask_part(layout, part, stream, mask.removal);
    }
  });
}

}  // namespace sotto::aggregator
