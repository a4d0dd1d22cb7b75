// A Random for tests: equal seeds give equal bytes.
#pragma once

#include <random>

#include "sotto/base/random.h"

namespace sotto::client {

class ReplayableRandom final : public Random {
 public:
  explicit ReplayableRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableBytes out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_() >> 24);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sotto::client
