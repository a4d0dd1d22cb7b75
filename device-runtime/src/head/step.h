// One step of learning, in parts: outputs, errors, and the change of the parameters.
#pragma once

#include "head/head_state.h"
#include "head/replay.h"

namespace sotto::device::head {

// outputs[row] for present rows, 0 for others. SOTTO_HEAD_DIVERGED when one is beyond what is refused.
// It leaves the features in layout.inputs, as the form wants them.
[[nodiscard]] sotto_head_error compute_outputs(sotto_head& head, const std::int8_t* features, float* outputs);

// The class that these outputs say.
[[nodiscard]] std::uint32_t label_of(const sotto_head& head, const float* outputs);

// From outputs to their derivatives of the loss, in place; returns the loss.
[[nodiscard]] float compute_errors(const sotto_head& head, const std::uint8_t* target, float* outputs);

// One step from `count` examples, at most layout.batch; *loss is their mean. Nothing has changed unless it
// succeeds.
[[nodiscard]] sotto_head_error learn(sotto_head& head, const Sample* samples, std::uint32_t count,
                                     float* loss);

// The changes of the weights, each for its form, of a step whose errors, times learning rate and divided by
// their number, are in layout.errors.
void update_float32(sotto_head& head, const Sample* samples, std::uint32_t count);
void update_int8(sotto_head& head, const Sample* samples, std::uint32_t count);

// The sum of weight times input over a row; exact.
[[nodiscard]] std::int32_t int8_dot(const std::int8_t* weights, const std::int16_t* inputs,
                                    std::uint32_t count);

}  // namespace sotto::device::head
