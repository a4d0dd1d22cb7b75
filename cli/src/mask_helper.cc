// `sotto helper`: the second party of one-shot sessions.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <thread>

#include "commands.h"
#include "log.h"
#include "output.h"
#include "private_process.h"
#include "sotto/base/hex.h"
#include "sotto/server/mask_helper_server.h"

namespace sotto::cli {
namespace {

struct HelperOptions {
  server::MaskHelperServerOptions server;
  std::uint32_t drain_seconds = 60;
  std::string log_level = "info";
  PrivateProcess process;
};

ExitCode init(const HelperOptions& options) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  if (const Status made = server::create_mask_helper(options.server.data_dir); !made.ok()) {
    return report_error(made);
  }
  std::printf("made a helper in %s\n", options.server.data_dir.c_str());
  std::printf("public key %s: give it to the coordinator and to the devices' owners\n",
              server::mask_helper_public_file(options.server.data_dir).c_str());
  return ExitCode::kDone;
}

// False when a second signal came: its sender cannot wait.
bool drain(const sigset_t& signals, std::uint32_t seconds, server::MaskHelperServer& server,
           spdlog::logger& log) {
  if (seconds == 0) return true;
  server.drain();
  log.info(
      "draining: coordinators begin no new rounds, and those under way have {} s to ask; a second signal "
      "ends it at once",
      seconds);
  const timespec grace{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = 0};
  return sigtimedwait(&signals, nullptr, &grace) < 0;
}

ExitCode serve(HelperOptions& options) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  const sigset_t signals = block_stop_signals();
  const auto log = make_log(options.log_level);
  options.server.notice = [log](const hosting::Notice& notice) { log_notice(*log, notice); };
  auto server = server::MaskHelperServer::start(options.server);
  if (!server) return report_error(server.error());
  const hosting::TlsCertificate& certificate = (*server)->certificate();
  std::printf("CA certificate %s%s\n", certificate.ca_file.c_str(),
              certificate.ca_created ? " (made now)" : "");
  std::printf("CA fingerprint SHA-256 %s\n", certificate.ca_fingerprint.c_str());
  std::printf("public key %s\n", to_hex((*server)->public_key()).c_str());
  std::printf("listening on %s\n", (*server)->address().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  const bool drained = drain(signals, options.drain_seconds, **server, *log);
  log->info("stopping");
  (*server)->stop(drained ? std::chrono::seconds(10) : std::chrono::seconds(0));
  return ExitCode::kDone;
}

void add_init(CLI::App& helper, const std::shared_ptr<HelperOptions>& options, ExitCode& exit_code) {
  CLI::App* command = helper.add_subcommand("init", "Make a key, and a record of what was answered with it.");
  command->add_option("--data-dir", options->server.data_dir, "Folder to make; holds the key")
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = init(*options); });
}

void add_serve(CLI::App& helper, const std::shared_ptr<HelperOptions>& options, ExitCode& exit_code) {
  CLI::App* command = helper.add_subcommand(
      "serve",
      "Run the helper. It gives out the sum of one set of devices' masks for each plan, and nothing else.\n"
      "DATA_DIR/answered.db remembers which. Plans of before its start are refused: rounds that are under "
      "way\n"
      "at a restart are lost, and the coordinator begins new ones.");
  command->add_option("--data-dir", options->server.data_dir, "Made by `sotto helper init`")
      ->capture_default_str();
  command
      ->add_option("--listen", options->server.listen,
                   "HOST:PORT for the coordinator; port 0 takes a free one")
      ->capture_default_str();
  command->add_option("--name", options->server.extra_names,
                      "Further host names or addresses that the coordinator reaches it by");
  command
      ->add_option("--authority", options->server.authority_file,
                   "Public key of the authority that enrols the fleet's devices, authority.pem")
      ->required();
  command->add_option("--bulletin", options->server.bulletin_file,
                      "Where that authority's bulletin.pem is brought, whenever there is a new one");
  command
      ->add_option("--cohort-min", options->server.cohort_min,
                   "Refuse sets of fewer devices, whatever a plan says")
      ->check(CLI::Range(3, 10'000))
      ->capture_default_str();
  command->add_option("--threads", options->server.threads, "For adding masks")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option(
          "--drain-seconds", options->drain_seconds,
          "How long a stop waits for rounds that are under way; as long as they take, and 0 for none")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  command->add_option("--log-level", options->log_level)
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  add_private_process_option(*command, options->process);
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace

void add_mask_helper_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<HelperOptions>();
  options->server.data_dir = "sotto-helper";
  options->server.threads = std::max(1u, std::thread::hardware_concurrency());
  CLI::App* command = app.add_subcommand(
      "helper",
      "The second party of one-shot tasks, for devices that send one message and sleep. Run it where the\n"
      "coordinator's people have no access: together the two could read a device's update, alone neither "
      "can.");
  command->require_subcommand(1);
  add_init(*command, options, exit_code);
  add_serve(*command, options, exit_code);
  command->footer(
      "Example:\n"
      "  sotto helper init --data-dir sotto-helper\n"
      "  sotto helper serve --data-dir sotto-helper --authority authority.pem --listen 0.0.0.0:7444");
}

}  // namespace sotto::cli
