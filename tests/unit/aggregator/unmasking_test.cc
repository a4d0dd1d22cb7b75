#include "unmasking.h"

#include <gtest/gtest.h>

#include <vector>

namespace sotto::aggregator {
namespace {

std::vector<Mask> some_masks(std::size_t count) {
  crypto::SeededRandom random(9);
  std::vector<Mask> masks(count);
  for (std::size_t i = 0; i < count; ++i) {
    random.fill(masks[i].key.reveal_mutable());
    masks[i].removal = i % 3 == 0 ? secagg::MaskSign::kAdd : secagg::MaskSign::kSubtract;
  }
  return masks;
}

// Masks in one pass over the whole vector, as a device does.
void put_on(const secagg::RingLayout& layout, crypto::Prg prg, const std::vector<Mask>& masks,
            MutableBytes ring) {
  crypto::Keystream stream(prg);
  for (const Mask& mask : masks) {
    stream.rekey(mask.key);
    const bool added = mask.removal == secagg::MaskSign::kSubtract;
    secagg::ring_apply_mask(layout, ring, stream,
                            added ? secagg::MaskSign::kAdd : secagg::MaskSign::kSubtract);
  }
}

TEST(RemoveMasks, UndoesWhatDevicesPutOnForEveryRingLengthAndThreadCount) {
  for (const crypto::Prg prg : {crypto::Prg::kChaCha20, crypto::Prg::kAes128Ctr}) {
    for (const std::size_t participants : {3, 257, 258, 1000}) {
      for (const std::size_t lanes : {1, 31, 500, 40'000, 150'000}) {
        const secagg::RingLayout layout(participants, lanes);
        std::vector<std::uint8_t> original(layout.byte_count());
        crypto::SeededRandom random(lanes);
        random.fill(original);
        const std::vector<Mask> masks = some_masks(7);
        std::vector<std::uint8_t> masked = original;
        put_on(layout, prg, masks, masked);
        EXPECT_NE(masked, original);
        for (const std::size_t threads : {1, 2}) {
          std::vector<std::uint8_t> ring = masked;
          remove_masks(layout, prg, masks, ring, *make_thread_pool(threads));
          EXPECT_EQ(ring, original) << participants << " participants, " << lanes << " lanes, " << threads
                                    << " threads";
        }
      }
    }
  }
}

// Counts the blocks that it is given.
class BlockCounter final : public Executor {
 public:
  explicit BlockCounter(std::size_t threads) : threads_(threads) {}
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) override {
    blocks = count;
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
  [[nodiscard]] std::size_t thread_count() const override { return threads_; }

  std::size_t blocks = 0;

 private:
  std::size_t threads_;
};

TEST(RemoveMasks, CutsBlocksThatStayInACacheAndAreEnoughForAllThreads) {
  constexpr std::size_t kKiB = 1024;
  struct Case {
    std::size_t bytes, threads, blocks;
  };
  for (const Case& c : {
           Case{1, 1, 1},
           Case{8 * kKiB, 4, 1},  // a smaller block is not worth starting a keystream
           Case{8 * kKiB + 2, 1, 1},
           Case{8 * kKiB + 2, 4, 2},
           Case{128 * kKiB, 1, 1},
           Case{128 * kKiB + 2, 1, 2},
           Case{384 * kKiB, 1, 3},  // as few as the cache allows
           Case{128 * kKiB, 2, 4},  // two for each thread
           Case{384 * kKiB, 2, 4},
           Case{640 * kKiB, 2, 8},
           Case{384 * kKiB, 3, 6},
       }) {
    const secagg::RingLayout layout(10, (c.bytes + 1) / 2);
    const std::vector<std::uint8_t> original(layout.byte_count(), 7);
    const std::vector<Mask> masks = some_masks(2);
    std::vector<std::uint8_t> ring = original;
    put_on(layout, crypto::Prg::kChaCha20, masks, ring);
    BlockCounter executor(c.threads);
    remove_masks(layout, crypto::Prg::kChaCha20, masks, ring, executor);
    EXPECT_EQ(executor.blocks, c.blocks) << c.bytes << " bytes, " << c.threads << " threads";
    EXPECT_EQ(ring, original) << c.bytes << " bytes, " << c.threads << " threads";
  }
}

TEST(RemoveMasks, LeavesTheSumAloneWithoutMasks) {
  const secagg::RingLayout layout(10, 100);
  std::vector<std::uint8_t> ring(layout.byte_count(), 3);
  InlineExecutor executor;
  remove_masks(layout, crypto::Prg::kChaCha20, {}, ring, executor);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(layout.byte_count(), 3));
}

}  // namespace
}  // namespace sotto::aggregator
