// The log of a process that serves, on the standard error output: a line that cannot be written is lost, and
// nothing else happens.
#pragma once

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sotto/base/clock.h"
#include "sotto/hosting/notice.h"

namespace sotto::cli {

struct LogOptions {
  std::string level = "info";
  std::string format = "text";  // or "json": an object on each line, with time, level and message

  [[nodiscard]] bool as_json() const { return format == "json"; }
};

// Declares --log-level and --log-format.
void add_log_options(CLI::App& command, LogOptions& options);

[[nodiscard]] std::shared_ptr<spdlog::logger> make_log(const LogOptions& options);
void log_notice(spdlog::logger& log, const hosting::Notice& notice);

// What a library says about one place in its source comes at most once a minute, with how often meanwhile.
// Any thread.
class LibraryMessages {
 public:
  static constexpr std::int64_t kIntervalMs = 60'000;
  static constexpr std::size_t kPlacesMax = 256;

  // The line for the log, or nothing now.
  [[nodiscard]] std::optional<std::string> line(const std::string& place, const std::string& text, Time now);

 private:
  struct Place {
    Time said{};
    std::uint64_t kept_back = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Place> places_;
};

// gRPC's lines go to this log from now on. Once in a process.
void log_library_messages(std::shared_ptr<spdlog::logger> log);

}  // namespace sotto::cli
