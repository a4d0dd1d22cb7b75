// How a head answers examples that lie one after the other.
#pragma once

#include "head/head_state.h"
#include "head/replay.h"
#include "sotto/device_runtime/head_round.h"

namespace sotto::device::head {

[[nodiscard]] Sample sample_of(const sotto_head& head, const sotto_head_samples& samples,
                               std::uint32_t index);

// SOTTO_HEAD_SAMPLES, SOTTO_HEAD_NULL_ARGUMENT, or SOTTO_HEAD_LABEL: one that cannot be learned.
[[nodiscard]] sotto_head_error check_samples(const sotto_head& head, const sotto_head_samples& samples);

// Adds one example to the sums.
[[nodiscard]] sotto_head_error judge(sotto_head& head, const Sample& sample, sotto_head_sums& sums);

}  // namespace sotto::device::head
