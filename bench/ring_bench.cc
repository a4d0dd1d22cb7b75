// Adding ring vectors, beside the plainest loop with the same memory traffic: 64-bit additions that read two
// arrays and write one.
#include <cstdint>
#include <vector>

#include "side_by_side.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update.h"

namespace {

using sotto::secagg::RingLayout;

void add_u64(std::uint64_t* __restrict accumulator, const std::uint64_t* __restrict addend,
             std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) accumulator[i] += addend[i];
}

// `addends` vectors are added to one accumulator in turn: 1 stays in the cache, 100 is what an aggregator
// sees.
void add(benchmark::State& state, std::size_t participants_max, std::size_t parameters, std::size_t addends) {
  const RingLayout layout(participants_max, sotto::secagg::update_lanes(parameters));
  // Whole 64-bit words, so that both loops run over the same memory.
  const std::size_t words = (layout.byte_count() + 7) / 8;
  std::vector<std::uint64_t> accumulator(words);
  const std::vector<std::vector<std::uint64_t>> vectors(addends, std::vector<std::uint64_t>(words, 1));
  sotto::bench::run_side_by_side(
      state, layout.byte_count() * addends,
      [&] {
        for (const auto& vector : vectors) add_u64(accumulator.data(), vector.data(), words);
      },
      [&] {
        const sotto::MutableBytes sum(reinterpret_cast<std::uint8_t*>(accumulator.data()),
                                      layout.byte_count());
        for (const auto& vector : vectors) {
          const sotto::Bytes addend(reinterpret_cast<const std::uint8_t*>(vector.data()),
                                    layout.byte_count());
          sotto::secagg::ring_add(layout, sum, addend);
        }
      });
}

BENCHMARK_CAPTURE(add, u16_lanes_100k_cached, 257, 100'000, 1)->UseManualTime();
BENCHMARK_CAPTURE(add, packed_words_100k_cached, 1024, 100'000, 1)->UseManualTime();
BENCHMARK_CAPTURE(add, u16_lanes_100k_of_100_devices, 257, 100'000, 100)->UseManualTime();
BENCHMARK_CAPTURE(add, packed_words_100k_of_100_devices, 1024, 100'000, 100)->UseManualTime();
BENCHMARK_CAPTURE(add, u16_lanes_10M, 257, 10'000'000, 1)->UseManualTime();
BENCHMARK_CAPTURE(add, packed_words_10M, 1024, 10'000'000, 1)->UseManualTime();

}  // namespace

int main(int argc, char** argv) {
  return sotto::bench::run_all(argc, argv, "64-bit additions over the same memory: read, read, write");
}
