// The compact form of UCI HAR: per subject NN = 01 .. 30
//   sNN_x.npy  int16 [windows][128][9]: body acceleration x y z, body rotation x y z, total acceleration x y
//   z;
//              a count is 1/8192 g, for rotation 1/4096 rad/s
//   sNN_y.npy  uint8 [windows]: activity 0 .. 5, the published number less one
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace sotto::simulation {

inline constexpr unsigned kHarSubjects = 30;
inline constexpr std::size_t kHarChannels = 9;
inline constexpr std::uint32_t kHarClasses = 6;

// Counts per g or per rad/s.
inline double har_scale(std::size_t channel) { return channel >= 3 && channel < 6 ? 4096.0 : 8192.0; }

inline std::string har_number(unsigned subject) {
  return (subject < 10 ? "0" : "") + std::to_string(subject);
}

struct HarPaths {
  std::filesystem::path windows;
  std::filesystem::path labels;
};
inline HarPaths har_paths(const std::filesystem::path& directory, unsigned subject) {
  return {directory / ("s" + har_number(subject) + "_x.npy"),
          directory / ("s" + har_number(subject) + "_y.npy")};
}

}  // namespace sotto::simulation
