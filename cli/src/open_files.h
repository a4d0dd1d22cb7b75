// Thousands of devices are thousands of sockets: asks the system for as many open files as it allows.
#pragma once

#include <spdlog/spdlog.h>

#include <cstddef>

#include "sotto/base/status.h"

namespace sotto::cli {

// Raises the soft limit to the hard limit and returns what it is then.
std::size_t raise_open_file_limit();

// For a server: kFailedPrecondition when so few are allowed that it cannot work, a warning in the log when
// they are few for a fleet.
[[nodiscard]] Status provide_open_files(spdlog::logger& log);
// For a program that will need so many. kFailedPrecondition names both numbers.
[[nodiscard]] Status provide_open_files(std::size_t needed);

}  // namespace sotto::cli
