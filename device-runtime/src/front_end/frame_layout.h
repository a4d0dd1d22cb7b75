// What a checked configuration amounts to, and what a kind of features consists of.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "front_end/scaled.h"
#include "sotto/device_runtime/front_end.h"

namespace sotto::device::front_end {

// Numbers that need no further check. It lies at the start of the tables, right after TablesHeader.
struct FrameLayout {
  std::uint16_t channels, frame_length, hop_length, rows, row_hop;
  std::uint16_t features;  // of one channel
  std::uint16_t fft_length, fft_log2;
  std::uint16_t bands, coefficients, magnitude;  // magnitude: mel bands sum |X| instead of |X|^2
  std::uint16_t first_bin;                       // the first whose frequency is at least lower_hz
  std::uint16_t bins;                            // from there to upper_hz
  std::uint16_t gain_bits_max;                   // how far a quiet frame may be amplified
  std::uint32_t normalisation_count;             // at least 1

  // Byte offsets in the tables; 0 where a kind has none.
  std::uint32_t normalisation, sine, taper, mel_floor, edges, weights, cosines, tables_bytes;
  // Byte offsets in the arena.
  std::uint32_t frame, work, output, arena_bytes;
};
static_assert(
    std::has_unique_object_representations_v<FrameLayout>);  // it is written to flash and compared there

struct TablesHeader {
  std::uint32_t magic;
  std::uint32_t tables_bytes;
  std::uint32_t configuration_crc;
  std::uint32_t crc;  // of what follows the header
};
inline constexpr std::uint32_t kTablesMagic = 0x31454653;  // "SFE1"

// Tables and arena are laid out by taking one block after the other.
[[nodiscard]] inline std::uint32_t take(std::uint32_t& end, std::size_t bytes) {
  const std::uint32_t start = end;
  const std::size_t aligned =
      (bytes + SOTTO_FRONT_END_ALIGNMENT - 1) & ~std::size_t{SOTTO_FRONT_END_ALIGNMENT - 1};
  end += static_cast<std::uint32_t>(aligned);
  return start;
}

template <typename Value>
[[nodiscard]] const Value* table(const void* tables, std::uint32_t offset) {
  return reinterpret_cast<const Value*>(static_cast<const std::uint8_t*>(tables) + offset);
}
template <typename Value>
[[nodiscard]] Value* table(void* tables, std::uint32_t offset) {
  return reinterpret_cast<Value*>(static_cast<std::uint8_t*>(tables) + offset);
}

// Whether a field is set that only a mel kind, or any kind with a spectrum, has.
[[nodiscard]] inline bool has_mel_fields(const sotto_front_end_config& config) {
  return config.mel_bands != 0 || config.mel_input != 0 || config.mel_triangle != 0 ||
         config.mel_scale != 0 || config.sample_rate_hz != 0 || config.lower_hz != 0 ||
         config.upper_hz != 0 || std::bit_cast<std::uint32_t>(config.log_floor) != 0 ||
         config.coefficients != 0;
}
[[nodiscard]] inline bool has_spectral_fields(const sotto_front_end_config& config) {
  return config.fft_length != 0 || config.window != 0 || has_mel_fields(config);
}

// SOTTO_FRONT_END_OK and the whole layout, or what is wrong with the configuration.
[[nodiscard]] sotto_front_end_error make_frame_layout(const sotto_front_end_config& config,
                                                      FrameLayout& layout);

}  // namespace sotto::device::front_end

// One kind of features. `raw` values are integers of the kind's own unit.
struct sotto_feature_kind {
  using Config = sotto_front_end_config;
  using FrameLayout = sotto::device::front_end::FrameLayout;

  // Checks the fields that only this kind has; fills in `features`, blocks of the tables and `work_bytes`.
  sotto_front_end_error (*lay_out)(const Config& config, FrameLayout& layout, std::uint32_t& work_bytes);
  // Fills the blocks that lay_out() took, except the normalisation.
  void (*build)(const Config& config, const FrameLayout& layout, void* tables);
  // The value of one raw step.
  sotto::device::front_end::Scaled (*unit)(const FrameLayout& layout);
  // samples[i * channels], i < frame_length -> layout.features raw values, somewhere in `work`.
  const std::int32_t* (*extract)(const FrameLayout& layout, const void* tables, const std::int16_t* samples,
                                 std::int32_t* work);
};
