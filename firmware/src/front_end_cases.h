// Front ends that hosts and boards run alike, and the checksum of what comes out: equal bits, everywhere.
#pragma once

#include <cstdint>
#include <span>

#include "sotto/device_runtime/front_end.h"

namespace sotto::board {

struct FrontEndBits {
  std::uint32_t tables = 0;   // CRC-32 of what sotto_front_end_build_tables() writes
  std::uint32_t outputs = 0;  // CRC-32 of all outputs for TestSignal, one after the other
  friend bool operator==(const FrontEndBits&, const FrontEndBits&) = default;
};

struct FrontEndCase {
  const char* name;
  sotto_front_end_config config;
  FrontEndBits bits;
};

[[nodiscard]] std::span<const FrontEndCase> front_end_cases();

// The samples of every case: silence, noise loud and faint, a full-scale square wave,
// constants, an impulse, a sweep.
class TestSignal {
 public:
  static constexpr std::uint32_t kSectionSamples = 1500;
  static constexpr std::uint32_t kSections = 8;

  [[nodiscard]] bool ended() const { return place_ == kSectionSamples * kSections; }
  // Fills `samples`, a part of a section; sets nothing beyond the end.
  void next(std::span<std::int16_t> samples);

 private:
  [[nodiscard]] std::int16_t sample();

  std::uint32_t place_ = 0;
  std::uint32_t random_ = 1;
  std::uint32_t phase_ = 0;
};

// Runs a case in `arena`, 50 samples of each channel at a time.
[[nodiscard]] sotto_front_end_error run_front_end_case(const FrontEndCase& tested,
                                                       std::span<std::uint8_t> arena, FrontEndBits* bits);

}  // namespace sotto::board
