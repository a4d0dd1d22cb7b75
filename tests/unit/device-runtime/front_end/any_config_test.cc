// Any configuration whatever is refused or works in exactly the memory it asks for.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include "front_end_test_support.h"

namespace sotto::device {
namespace {

constexpr std::uint32_t kArenaMax = 1 << 20;  // larger ones only take longer

class AnyConfig {
 public:
  explicit AnyConfig(std::uint32_t seed) : random_(seed) {
    for (float& mean : means_) mean = static_cast<float>(up_to(200)) - 100;
    for (float& deviation : deviations_) deviation = static_cast<float>(1 + up_to(50)) / 8;
  }

  // A valid configuration with a few fields set to anything.
  [[nodiscard]] sotto_front_end_config next() {
    std::vector<sotto_front_end_config> configs = all_configs();
    sotto_front_end_config config = configs[up_to(configs.size())];
    for (std::size_t change = up_to(5); change-- > 0;) alter(config);
    if (config.normalisation_count != 0) {
      config.mean = means_.data();
      config.deviation = deviations_.data();
    }
    return config;
  }

 private:
  [[nodiscard]] std::size_t up_to(std::size_t end) { return random_() % end; }
  [[nodiscard]] std::uint16_t small(std::size_t end) { return static_cast<std::uint16_t>(up_to(end)); }

  void alter(sotto_front_end_config& config) {
    switch (up_to(14)) {
      case 0:
        config.channels = small(5);
        break;
      case 1:
        config.frame_length = small(700);
        break;
      case 2:
        config.hop_length = small(900);
        break;
      case 3:
        config.rows = small(60);
        break;
      case 4:
        config.row_hop = small(70);
        break;
      case 5:
        config.fft_length = static_cast<std::uint16_t>(8 << up_to(10));
        break;
      case 6:
        config.window = small(4);
        break;
      case 7:
        config.mel_bands = small(140);
        break;
      case 8:
        config.sample_rate_hz = static_cast<std::uint32_t>(up_to(50'000));
        break;
      case 9:
        config.lower_hz = static_cast<std::uint32_t>(up_to(5'000));
        break;
      case 10:
        config.upper_hz = static_cast<std::uint32_t>(up_to(9'000));
        break;
      case 11:
        config.coefficients = small(60);
        break;
      case 12:
        config.normalisation_count = static_cast<std::uint32_t>(up_to(means_.size()));
        break;
      default: {  // any bit of it, as from a damaged flash
        constexpr std::size_t kFirst = offsetof(sotto_front_end_config, channels);
        constexpr std::size_t kEnd = offsetof(sotto_front_end_config, mean);
        const std::size_t bit = 8 * kFirst + up_to(8 * (kEnd - kFirst));
        reinterpret_cast<std::uint8_t*>(&config)[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      }
    }
  }

  std::mt19937 random_;
  std::array<float, 128> means_{};
  std::array<float, 128> deviations_{};
};

TEST(FrontEndAnyConfig, IsRefusedOrRunsInItsMemory) {
  int refused = 0;
  int ran = 0;
  AnyConfig any(1);
  for (std::uint32_t trial = 0; trial < 4000; ++trial) {
    const sotto_front_end_config config = any.next();
    sotto_front_end_sizes sizes;
    if (sotto_front_end_measure(&config, &sizes) != SOTTO_FRONT_END_OK) {
      EXPECT_EQ(sizes.arena_bytes, 0u);
      ++refused;
      continue;
    }
    if (sizes.arena_with_tables_bytes > kArenaMax) continue;
    // Guard bytes are checked by the destructor, reads outside by the sanitizers' builds.
    OpenFrontEnd front_end(config);
    for (const int amplitude : {32767, 0, 3}) {
      const Outputs outputs = front_end.run(noise(3000, amplitude, trial, config.channels), 997);
      for (const auto& output : outputs) ASSERT_EQ(output.size(), sizes.output_bytes);
    }
    ++ran;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(ran, 1000);
}

}  // namespace
}  // namespace sotto::device
