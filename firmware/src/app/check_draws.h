// Where the draws of a firmware for tests come from. Two sources define it: production_draws.cc for products,
// and test_draws.cc for tests.
#pragma once

#include "arguments.h"
#include "draws.h"

namespace sotto::board {

// nullptr: of the system's generator.
[[nodiscard]] Draws* check_draws(const Arguments& arguments);

}  // namespace sotto::board
