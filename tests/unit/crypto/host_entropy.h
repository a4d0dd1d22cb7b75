// What the entropy of tests against the boards' backend does.
#pragma once

#include <cstdint>

namespace sotto::crypto {

enum class Entropy : std::uint8_t { kWorks, kFails, kStuck };
extern Entropy entropy_of_this_host;

}  // namespace sotto::crypto
