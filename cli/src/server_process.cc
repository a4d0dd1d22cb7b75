#include "server_process.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <system_error>
#include <thread>

#include "output.h"

namespace sotto::cli {
namespace {

constexpr std::chrono::microseconds kLook = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kLookForAnother{10};

timespec to_timespec(std::chrono::microseconds time) {
  return {.tv_sec = static_cast<time_t>(time.count() / 1'000'000),
          .tv_nsec = static_cast<long>(time.count() % 1'000'000 * 1000)};
}

// What cannot be written is lost: nobody reads it any more.
void write_line(const std::string& line) {
  const std::string text = line + "\n";
  std::string_view left(text);
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

ServerProcess::ServerProcess(const LogOptions& options) : options_(options) {
  sigemptyset(&stopping_);
  sigaddset(&stopping_, SIGINT);
  sigaddset(&stopping_, SIGTERM);
  all_ = stopping_;
  sigaddset(&all_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &all_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // whoever read the log went away; the fleet did not
  log_ = make_log(options);
  log_library_messages(log_);
}

hosting::NoticeSink ServerProcess::notice() const {
  return [log = log_](const hosting::Notice& notice) { log_notice(*log, notice); };
}

void ServerProcess::announce(const std::vector<std::string>& lines) const {
  for (const std::string& line : lines) {
    if (options_.as_json()) {
      log_->info(line);
    } else {
      write_line(line);
    }
  }
  manager_.tell("READY=1");
}

Status ServerProcess::wait(const Watched& watched) const {
  const auto watchdog = manager_.watchdog();
  const timespec interval = to_timespec(watchdog ? std::min(kLook, *watchdog / 3) : kLook);
  for (;;) {
    const int signal = sigtimedwait(&all_, nullptr, &interval);
    if (signal == SIGHUP) {
      manager_.tell_reloading();
      if (const Status status = watched.reload(); !status.ok()) {
        log_->error("not reloaded, the old values stay: {}", status.message());
      }
      manager_.tell("READY=1");
    } else if (signal > 0) {
      return {};
    }
    if (watched.health) SOTTO_RETURN_IF_ERROR(watched.health());
    if (watchdog && (!watched.stuck || watched.stuck() < *watchdog)) manager_.tell("WATCHDOG=1");
  }
}

void ServerProcess::reloaded(const LogOptions& log, const std::vector<ValueInForce>& before,
                             const std::vector<ValueInForce>& now,
                             const std::vector<std::string>& taken) const {
  log_->set_level(spdlog::level::from_str(log.level));
  log_->info("reloaded");
  const std::string later = changed_options(before, now, taken);
  if (!later.empty()) log_->warn("changed, and in force from the next start on: {}", later);
}

bool ServerProcess::wait_for_another(std::chrono::milliseconds time) const {
  const timespec grace = to_timespec(time);
  return sigtimedwait(&stopping_, nullptr, &grace) > 0;
}

void ServerProcess::stop_unless_interrupted(const std::function<void()>& stop) const {
  std::atomic<bool> stopped = false;
  std::thread worker;
  try {
    worker = std::thread([&] {
      stop();
      stopped = true;
    });
  } catch (const std::system_error&) {  // no thread is to be had: nobody listens for a second signal
    return stop();
  }
  while (!stopped) {
    if (!wait_for_another(kLookForAnother)) continue;
    log_->warn("a second signal: ended at once");
    log_->flush();
    std::_Exit(static_cast<int>(ExitCode::kInterrupted));
  }
  worker.join();
}

ExitCode ServerProcess::report(const Status& status) const {
  if (!options_.as_json()) return report_error(status);
  log_->error(status.message());
  return exit_code_of(status);
}

}  // namespace sotto::cli
