// The application: starts from flash, takes part in rounds. The same on boards and hosts; the port differs.
#pragma once

#include <cstdint>

#include "draws.h"
#include "port.h"
#include "sotto/device_runtime/sotto_device.h"

namespace sotto::board {

struct ApplicationParts {
  Port& port;
  Bytes image;         // the model
  MutableBytes arena;  // on a SOTTO_ALIGNMENT boundary
  const sotto_kernel_table& kernels;
  Draws* draws = nullptr;  // of tests; products have none: the system's generator is asked
};

// What run_application() returns when the board is to start anew: an update of its model is to be tried, or
// was dropped.
inline constexpr int kStartAnew = 75;

// Takes part until `rounds` updates of this start have been counted. 0 when they have, kStartAnew when the
// board is to start once more; else 1, after a sentence: the flash holds no enrolment, say.
[[nodiscard]] int run_application(const ApplicationParts& parts, std::uint32_t rounds);

}  // namespace sotto::board
