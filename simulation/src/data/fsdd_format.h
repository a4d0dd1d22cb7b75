// The compact form of the Free Spoken Digit Dataset: per speaker
//   <speaker>_x.npy  int16 [recordings][49][10]: cepstra (signal/cepstra.h) in counts of 1/256
//   <speaker>_y.npy  uint8 [recordings]: digit
//   <speaker>_k.npy  uint8 [recordings]: take; the first five takes of every digit are the test set
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sotto::simulation {

inline constexpr std::array<std::string_view, 6> kFsddSpeakers{"george",  "jackson", "lucas",
                                                               "nicolas", "theo",    "yweweler"};
inline constexpr std::uint32_t kFsddClasses = 10;
inline constexpr std::uint8_t kFsddTestTakes = 5;
inline constexpr double kFsddScale = 256;

struct FsddPaths {
  std::filesystem::path cepstra;
  std::filesystem::path digits;
  std::filesystem::path takes;
};
inline FsddPaths fsdd_paths(const std::filesystem::path& directory, std::string_view speaker) {
  const std::string stem(speaker);
  return {directory / (stem + "_x.npy"), directory / (stem + "_y.npy"), directory / (stem + "_k.npy")};
}

}  // namespace sotto::simulation
