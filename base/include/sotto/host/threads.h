// How many threads this process may have. Libraries that cannot make theirs end the process without a word,
// so whoever is about to use one asks before.
#pragma once

#include <cstddef>

#include "sotto/base/status.h"

namespace sotto::host {

// Makes so many threads at once and ends them. kFailedPrecondition when they are not to be had: says how many
// were, and which limits to raise. Takes well below a millisecond for each.
[[nodiscard]] Status check_threads(std::size_t needed);

// The same words for a thread that could not be made later.
[[nodiscard]] Status no_more_threads();

}  // namespace sotto::host
