// What a command writes for its user, at a place that the user names. Other than file.h it minds what was
// there: a file that exists keeps its mode, a symbolic link stays one, nothing beside it is touched.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "sotto/base/bytes.h"
#include "sotto/base/status.h"

namespace sotto::host {

// Whether write_output() would find a place, to be asked before long work begins; makes and removes a file of
// its own beside `path`. kPermissionDenied, kIo: the message names the path and what to do.
[[nodiscard]] Status check_output(const std::filesystem::path& path);
// The whole content or, when this fails, what was there before and nothing else. A pipe or device is written
// to as it is. A file that is new gets `mode` as far as the umask allows.
[[nodiscard]] Status write_output(const std::filesystem::path& path, Bytes content, mode_t mode);

}  // namespace sotto::host
