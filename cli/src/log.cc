#include "log.h"

#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace sotto::cli {

std::shared_ptr<spdlog::logger> make_log(const std::string& level) {
  auto log = std::make_shared<spdlog::logger>("sotto", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::info);
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

sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace sotto::cli
