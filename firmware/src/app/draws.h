// What a board draws that is no key: the order of its examples, and the rounding of its update. From the
// system's generator, unless a test wants what an experiment with the same seed draws (replayed_draws.h).
#pragma once

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/random.h"

namespace sotto::board {

class Draws {
 public:
  // Of one local round, and of the quantiser after it. Valid until the next call of either.
  [[nodiscard]] virtual Random& training(RoundId round) = 0;
  [[nodiscard]] virtual Random& rounding(RoundId round) = 0;
  // What came of them, before it is masked. For tests that add up what a cohort has learned; a product's does
  // nothing with it.
  virtual void learned(RoundId, Bytes) {}

 protected:
  ~Draws() = default;
};

class SystemDraws final : public Draws {
 public:
  // `system` must outlive this.
  explicit SystemDraws(Random& system) : system_(system) {}
  [[nodiscard]] Random& training(RoundId) override { return system_; }
  [[nodiscard]] Random& rounding(RoundId) override { return system_; }

 private:
  Random& system_;
};

}  // namespace sotto::board
