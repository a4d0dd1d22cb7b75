// The examples that a head keeps.
#pragma once

#include "head/head_state.h"

namespace sotto::device::head {

// An example: the features, and a label or int8 targets.
struct Sample {
  const std::int8_t* features;
  const std::uint8_t* target;
};

[[nodiscard]] Sample sample_at(const sotto_head& head, std::uint32_t index);
// The next example of the pass; begins another one when all have been shown. Requires that there are any.
[[nodiscard]] Sample next_of_pass(sotto_head& head);
// Forgets the examples of a class.
void drop_label(sotto_head& head, std::uint32_t label);
// Of kept memory: that no count or label leads out of it. Counts the examples of each label again.
[[nodiscard]] bool replay_is_sound(sotto_head& head);

}  // namespace sotto::device::head
