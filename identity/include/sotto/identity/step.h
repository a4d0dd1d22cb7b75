// How far a file has come, in <file>.step beside it: whoever opens the file and finds it missing, empty or
// older than its step knows that it was set back. A file that is written in place, without another name and
// without room that a full disk might refuse, in two halves of which a crash leaves one whole.
//
//   offset 0 and 512: "STEP" | u32 1 | 16 bytes which file | u64 count | u32 epoch | SHA-256 of all before
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "sotto/base/result.h"

namespace sotto::identity {

struct Step {
  std::array<std::uint8_t, 16> of{};  // which file: another one has another value
  std::uint64_t count = 0;            // of its changes; never less than before
  std::uint32_t epoch = 0;            // of a coordinator's store; 0 for other files
  friend bool operator==(const Step&, const Step&) = default;
};

[[nodiscard]] std::filesystem::path step_path(const std::filesystem::path& file);
// Nothing when there is none, or when it is empty. kDataLoss when neither half is sound, naming the step's
// file; kPermissionDenied, kIo.
[[nodiscard]] Result<std::optional<Step>> read_step(const std::filesystem::path& file);
// Durable when it returns kOk. To be called when the file itself is durable, so that a crash in between
// leaves a file that is ahead of its step, which is no damage. kPermissionDenied, kIo: the older step stays.
[[nodiscard]] Status write_step(const std::filesystem::path& file, const Step& step);

}  // namespace sotto::identity
