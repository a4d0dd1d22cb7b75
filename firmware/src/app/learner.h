// What a board learns in a round, as its session sees it.
#pragma once

#include <cstdint>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/base/random.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/update.h"

namespace sotto::board {

class Learner {
 public:
  // Of the custom models that it trains: 1 .. 64 characters.
  [[nodiscard]] virtual std::string_view model_name() const = 0;
  [[nodiscard]] virtual std::uint32_t parameter_count() const = 0;
  // Whether it can do what the plan asks for, metrics included.
  [[nodiscard]] virtual bool agrees(const proto::Plan& plan) const = 0;
  // One local round from `parameters`, which becomes the difference that was learned; parameter_count()
  // values both times. `random` orders the examples. False when it failed: nothing is sent then.
  [[nodiscard]] virtual bool learn(const proto::Plan& plan, std::span<float> parameters, Random& random,
                                   secagg::UpdateMetrics& metrics) = 0;

 protected:
  ~Learner() = default;
};

}  // namespace sotto::board
