// The start in which an update is on trial: the model runs on the reference inputs that came with it, and
// stays only when it gives what its owner signed. Freestanding: no heap; the inputs go from the flash into
// the model's arena.
#pragma once

#include <cstdint>

#include "sotto/base/flash.h"
#include "sotto/device_runtime/sotto_device.h"
#include "update/model_slots.h"

namespace sotto::board {

enum class Trial : std::uint8_t {
  kConfirmed,  // it runs from now on
  kReverted,   // it is dropped: start again, and the model of before runs
  kUntested,   // it came without reference inputs: the application judges, then confirms or reverts
  kFlash,      // the memory failed or the power went: the next start tries it again, or leaves it
};

// Decides what is on trial. `boot` is what slots.boot() gave in this start, with trial set; `model` is the
// image in its slot, opened, or null when it cannot be opened on this board. The model's inputs and outputs
// are unspecified afterwards.
[[nodiscard]] Trial conclude_trial(ModelSlots& slots, const ModelSlots::Boot& boot, Flash& flash,
                                   sotto_model* model);

}  // namespace sotto::board
