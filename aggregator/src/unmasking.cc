#include "unmasking.h"

#include <algorithm>

namespace sotto::aggregator {
namespace {

constexpr std::size_t kBlockBytesMax = 128 * 1024;  // with room to spare in a level-2 cache
constexpr std::size_t kBlockBytesMin = 8 * 1024;  // below, starting a keystream costs much beside reading it
constexpr std::size_t kBlocksPerThread = 2;       // evens out threads that are held up
constexpr std::size_t kAlignment = 64;            // keystreams start at multiples of this

std::size_t ceiling(std::size_t dividend, std::size_t divisor) { return (dividend + divisor - 1) / divisor; }

// Blocks of equal size, but for the last: as few as the cache allows, more when there are threads to feed.
std::size_t block_bytes(std::size_t vector_bytes, std::size_t threads) {
  const std::size_t least = ceiling(vector_bytes, kBlockBytesMax);
  const std::size_t fed =
      threads == 1 ? least : ceiling(least, threads * kBlocksPerThread) * threads * kBlocksPerThread;
  const std::size_t even = ceiling(ceiling(vector_bytes, fed), kAlignment) * kAlignment;
  return std::max(even, kBlockBytesMin);
}

}  // namespace

void remove_masks(const secagg::RingLayout& layout, crypto::Prg prg, std::span<const Mask> masks,
                  MutableBytes ring, Executor& executor) {
  const std::size_t block = block_bytes(ring.size(), executor.thread_count());
  executor.parallel_for(ceiling(ring.size(), block), [&](std::size_t index) {
    const std::size_t offset = index * block;
    const MutableBytes part = ring.subspan(offset, std::min(block, ring.size() - offset));
    crypto::Keystream stream(prg);
    for (const Mask& mask : masks) {
      stream.rekey(mask.key, offset);
      secagg::ring_apply_mask_part(layout, part, stream, mask.removal);
    }
  });
}

}  // namespace sotto::aggregator
