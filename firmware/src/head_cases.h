// Heads that hosts and boards train alike, and the checksums of what they have learned:
// equal bits, everywhere.
#pragma once

#include <cstdint>
#include <span>

#include "sotto/device_runtime/head.h"

namespace sotto::board {

struct HeadBits {
  std::uint32_t parameters = 0;  // CRC-32 of what sotto_head_read() gives
  std::uint32_t kept = 0;        // of parameters, velocities, anchor and replay as they lie in memory
  std::uint32_t outputs = 0;     // of the model's outputs with the trained head, input by input
  std::uint32_t round = 0;       // of what a round from there learned, its sums, and what a watch makes of it
  friend bool operator==(const HeadBits&, const HeadBits&) = default;
};

struct HeadCase {
  const char* name;
  sotto_head_options options;
  sotto_head_rates rates;
  HeadBits bits;
};

// All for one model: 64 features, which are its input, and 12 classes
// (tests/unit/model-compiler/head_models.h, the default).
[[nodiscard]] std::span<const HeadCase> head_cases();

inline constexpr std::uint32_t kHeadFeatures = 64;
inline constexpr std::uint32_t kHeadClasses = 12;

// Examples whose class shows, and targets for heads that learn values.
class HeadExamples {
 public:
  // The next example, of class `label`.
  void next(std::uint32_t label);
  [[nodiscard]] const std::int8_t* features() const { return features_; }
  [[nodiscard]] const std::int8_t* targets() const { return targets_; }

 private:
  std::int8_t features_[kHeadFeatures];
  std::int8_t targets_[kHeadClasses];
  std::uint32_t random_ = 1;
};

// Opens the case's head in `memory` and trains it: steps from fresh examples, a class removed and added, a
// replay that overflows, passes over it, a copy that is moved elsewhere and resumed; then runs the model with
// it, a round from what was learned, and a watch over that. `memory` is at least twice what the head takes.
[[nodiscard]] sotto_head_error run_head_case(const HeadCase& tested, sotto_model* model,
                                             std::span<std::uint8_t> memory, HeadBits* bits);

}  // namespace sotto::board
