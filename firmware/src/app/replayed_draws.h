// The draws of `sotto simulate --seed SEED` for its device of this number, so that boards and an experiment
// learn the same model bit for bit. For tests: no product may include it.
#pragma once

#include <optional>

#include "draws.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/stream_seed.h"

namespace sotto::board {

class ReplayedDraws : public Draws {
 public:
  ReplayedDraws(std::uint64_t seed, std::uint64_t device) : seed_(seed), device_(device) {}
  [[nodiscard]] Random& training(RoundId round) override { return begin("training", round); }
  [[nodiscard]] Random& rounding(RoundId round) override { return begin("rounding", round); }

 private:
  // An experiment counts its rounds from 1, as a new coordinator does.
  Random& begin(const char* purpose, RoundId round) {
    const std::uint64_t attempt = round_number(round).counter;
    return stream_.emplace(
        crypto::StreamSeed({.purpose = purpose, .seed = seed_, .attempt = attempt, .device = device_})
            .bytes());
  }

  const std::uint64_t seed_, device_;
  std::optional<crypto::SeededRandom> stream_;
};

}  // namespace sotto::board
