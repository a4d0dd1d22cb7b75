// How much an application takes on, chosen when it is built: boards of 64 KB have the small profile, larger
// ones may have the large one (SOTTO_BOARD_LARGE, firmware/CMakeLists.txt). Arrays follow from these.
#pragma once

#include <cstddef>

namespace sotto::board::profile {

#if defined(SOTTO_BOARD_LARGE)
inline constexpr std::size_t kParametersMax = 5120;
inline constexpr std::size_t kFeaturesMax = 512;
inline constexpr std::size_t kArenaBytes = std::size_t{128} * 1024;
inline constexpr std::size_t kReplayMax = 128;  // examples that are collected
inline constexpr std::size_t kHeldOutMax = 32;  // ... and others to judge by what is learned
#else
// For a model of the class of kws and 64 examples of a head of 64 x 12.
inline constexpr std::size_t kParametersMax = 1024;
inline constexpr std::size_t kFeaturesMax = 256;
inline constexpr std::size_t kArenaBytes = std::size_t{26} * 1024;
inline constexpr std::size_t kReplayMax = 64;
inline constexpr std::size_t kHeldOutMax = 20;
#endif

}  // namespace sotto::board::profile
