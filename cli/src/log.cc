#include "log.h"

#include <fmt/core.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "output.h"
#include "sotto/proto/grpc_log.h"

namespace sotto::cli {
namespace {

std::string stamp(spdlog::log_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);  // down, also before 1970
  const auto ms = (since - whole).count();
  const std::time_t seconds = static_cast<std::time_t>(whole.count());
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:03}Z", std::string_view(text, size), ms);
}

// A message is one line whatever is in it: every line has its stamp, and nobody's text forges another.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char c : terminal_text(text)) {
    if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(bool as_json) : as_json_(as_json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const std::string time = stamp(message.time);
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string_view name(level.data(), level.size());
    const std::string_view text(message.payload.data(), message.payload.size());
    std::string formed;
    if (as_json_) {
      nlohmann::ordered_json json = {{"time", time}, {"level", name}, {"message", text}};
      formed = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    } else {
      formed = fmt::format("{} {} {}\n", time, name, in_one_line(text));
    }
    line.append(formed.data(), formed.data() + formed.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(as_json_);
  }

 private:
  const bool as_json_;
};

}  // namespace

void add_log_options(CLI::App& command, LogOptions& options) {
  command.add_option("--log-level", options.level, "What is logged, on standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  command.add_option("--log-format", options.format, "json: an object on each line: time, level, message")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

std::shared_ptr<spdlog::logger> make_log(const LogOptions& options) {
  auto log = std::make_shared<spdlog::logger>("sotto", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_formatter(std::make_unique<LineFormatter>(options.as_json()));
  log->set_level(spdlog::level::from_str(options.level));
  log->flush_on(spdlog::level::info);
  log->set_error_handler([](const std::string&) {});  // there is nowhere else to say it
  return log;
}

void log_notice(spdlog::logger& log, const hosting::Notice& notice) {
  switch (notice.level) {
    case hosting::Notice::Level::kInfo:
      return log.info(notice.text);
    case hosting::Notice::Level::kWarning:
      return log.warn(notice.text);
    case hosting::Notice::Level::kError:
      return log.error(notice.text);
  }
}

std::optional<std::string> LibraryMessages::line(const std::string& place, const std::string& text,
                                                 Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(place);
  if (found == places_.end()) {
    if (places_.size() >= kPlacesMax) return std::nullopt;
    places_[place].said = now;
    return fmt::format("library: {}: {}", place, text);
  }
  Place& known = found->second;
  if (now.ms - known.said.ms < kIntervalMs) {
    ++known.kept_back;
    return std::nullopt;
  }
  known.said = now;
  const std::uint64_t more = std::exchange(known.kept_back, 0);
  return fmt::format("library: {}: {}{}", place, text,
                     more == 0 ? "" : fmt::format(" (and {} more since the last such line)", more));
}

void log_library_messages(std::shared_ptr<spdlog::logger> log) {
  proto::take_grpc_log(
      [log = std::move(log), messages = std::make_shared<LibraryMessages>()](const proto::GrpcLogLine& said) {
        // Whoever asks for more by GRPC_VERBOSITY gets all of it.
        if (said.level == proto::GrpcLogLine::Level::kDebug)
          return log->debug("library: {}: {}", said.place, said.text);
        if (said.level == proto::GrpcLogLine::Level::kInfo)
          return log->info("library: {}: {}", said.place, said.text);
        const auto line = messages->line(said.place, said.text, SystemClock().now());
        if (line) log->warn(*line);
      });
}

}  // namespace sotto::cli
