// Examines data directories: what a start on them would refuse, and what no start would look at.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"

namespace sotto::server {

struct Examination {
  std::string what;  // was examined: a file or folder and in which respect
  Status status;     // why it is not sound, and what to do
};

// Of a coordinator and of a mask helper. While one runs its store is its own, and cannot be judged: that is
// reported as kUnavailable.
// Nothing is written but what a start completes by itself: a bulletin or public key that follows from another
// file.
[[nodiscard]] std::vector<Examination> examine_coordinator(const std::filesystem::path& data_dir, Time now);
[[nodiscard]] std::vector<Examination> examine_mask_helper(const std::filesystem::path& data_dir, Time now);
// That whatever holds a private key in a folder and those below it, at most 10,000 files, is its owner's
// alone: one for each file that is not, or one for all.
[[nodiscard]] std::vector<Examination> examine_private_keys(const std::filesystem::path& folder);

}  // namespace sotto::server
