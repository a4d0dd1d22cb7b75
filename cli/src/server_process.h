// What `sotto serve` and `sotto helper serve` have in common as processes: signals, log, service manager.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "log.h"
#include "sotto/base/status.h"
#include "sotto/host/service_manager.h"

namespace sotto::cli {

// What a server was started with, for comparison when it is read anew.
struct StartedWith {
  const Arguments& arguments;
  std::vector<ValueInForce> values;
};

class ServerProcess {
 public:
  // Blocks SIGINT, SIGTERM and SIGHUP and ignores SIGPIPE: before any thread starts, so that all inherit it.
  explicit ServerProcess(const LogOptions& options);

  [[nodiscard]] spdlog::logger& log() const { return *log_; }
  [[nodiscard]] hosting::NoticeSink notice() const;

  // It serves: the lines go to standard output, where scripts look for them, or with a JSON log into that.
  void announce(const std::vector<std::string>& lines) const;
  // Waits for SIGINT or SIGTERM, or until `health` fails, which is asked every second. The service manager's
  // watchdog is fed while `health` holds and `stuck` is shorter than its interval. SIGHUP: `reload`, whose
  // failure is logged and changes nothing.
  struct Watched {
    std::function<Status()> health{};
    std::function<std::chrono::milliseconds()> stuck{};
    std::function<Status()> reload{};
  };
  [[nodiscard]] Status wait(const Watched& watched) const;
  // True when another SIGINT or SIGTERM came within this time.
  [[nodiscard]] bool wait_for_another(std::chrono::milliseconds time) const;
  // Runs `stop`, which ends what is served. Another SIGINT or SIGTERM meanwhile ends the process at once,
  // with kInterrupted: whatever was acknowledged is on disk.
  void stop_unless_interrupted(const std::function<void()>& stop) const;
  // Options were read anew, and those `taken` are in force: takes over the log's level and says what else
  // waits for the next start.
  void reloaded(const LogOptions& log, const std::vector<ValueInForce>& before,
                const std::vector<ValueInForce>& now, const std::vector<std::string>& taken) const;
  void say_stopping() const { manager_.tell("STOPPING=1"); }
  // report_error(), or its line in a JSON log.
  ExitCode report(const Status& status) const;

 private:
  const LogOptions options_;
  const host::ServiceManager manager_ = host::ServiceManager::from_environment();
  sigset_t stopping_;  // SIGINT, SIGTERM
  sigset_t all_;       // and SIGHUP
  std::shared_ptr<spdlog::logger> log_;
};

}  // namespace sotto::cli
