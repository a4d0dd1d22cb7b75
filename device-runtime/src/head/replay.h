// The examples that a head keeps.
#pragma once

#include "head/head_state.h"

namespace sotto::device::head {

// An example: the features, and a label or int8 targets.
struct Sample {
  const std::int8_t* features;
  const std::uint8_t* target;
};

// Every number below a count once: from `start` in steps of a stride that has no divisor in common with it.
struct Order {
  std::uint32_t start, stride;
  // Factors of 16 bits.
  [[nodiscard]] std::uint32_t at(std::uint32_t number, std::uint32_t count) const {
    return (start + number * stride) % count;
  }
};
// Requires 0 < count <= SOTTO_HEAD_REPLAY_SAMPLES_MAX.
[[nodiscard]] Order draw_order(Generator& generator, std::uint32_t count);

[[nodiscard]] Sample sample_at(const sotto_head& head, std::uint32_t index);
// The next example of the pass; begins another one when all have been shown. Requires that there are any.
[[nodiscard]] Sample next_of_pass(sotto_head& head);
// Forgets the examples of a class.
void drop_label(sotto_head& head, std::uint32_t label);
// Of kept memory: that no count or label leads out of it. Counts the examples of each label again.
[[nodiscard]] bool replay_is_sound(sotto_head& head);

}  // namespace sotto::device::head
