// The log of a process that serves, on the standard error output, and how such a process is stopped.
#pragma once

#include <spdlog/spdlog.h>

#include <csignal>
#include <memory>
#include <string>

#include "sotto/server/coordinator.h"

namespace sotto::cli {

[[nodiscard]] std::shared_ptr<spdlog::logger> make_log(const std::string& level);
void log_notice(spdlog::logger& log, const hosting::Notice& notice);
// SIGINT and SIGTERM, blocked from now on. Called before any thread starts, so that all inherit it.
[[nodiscard]] sigset_t block_stop_signals();

}  // namespace sotto::cli
