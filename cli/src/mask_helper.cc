// `sotto helper`: the second party of one-shot sessions.
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <thread>

#include "commands.h"
#include "output.h"
#include "places.h"
#include "private_process.h"
#include "server_process.h"
#include "sotto/base/hex.h"
#include "sotto/server/mask_helper_server.h"

namespace sotto::cli {
namespace {

struct HelperOptions {
  server::MaskHelperServerOptions server;
  std::uint32_t drain_seconds = 60;
  LogOptions log;
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
bool drain(const ServerProcess& process, std::uint32_t seconds, server::MaskHelperServer& server) {
  using std::chrono::steady_clock;
  server.drain();
  if (seconds == 0 || server.drained()) return true;
  process.log().info(
      "draining: coordinators begin no new rounds, and those under way have {} s to ask; a second signal "
      "ends it at once",
      seconds);
  const auto until = steady_clock::now() + std::chrono::seconds(seconds);
  while (steady_clock::now() < until && !server.drained()) {
    if (process.wait_for_another(std::chrono::milliseconds(100))) return false;
  }
  return true;
}

std::vector<std::string> start_lines(const server::MaskHelperServer& server) {
  const hosting::TlsCertificate& certificate = server.certificate();
  return {fmt::format("CA certificate {}{}", certificate.ca_file.string(),
                      certificate.ca_created ? " (made now)" : ""),
          fmt::format("CA fingerprint SHA-256 {}", certificate.ca_fingerprint),
          fmt::format("public key {}", to_hex(server.public_key())),
          fmt::format("listening on {}", server.address())};
}

CLI::App* declare_helper(CLI::App& app);
CLI::App* declare_serve(CLI::App& helper, HelperOptions& options);

// --name with the certificate, and --log-level: what a helper takes over while it serves.
Status reload(const ServerProcess& process, const StartedWith& started, server::MaskHelperServer& server) {
  CLI::App app;
  ExitCode ignored = ExitCode::kDone;
  HelperOptions fresh;
  set_conventions(app);
  const CLI::App* command = declare_serve(*declare_helper(app), fresh);
  add_serve_command(app, started.arguments, ignored);
  add_gateway_command(app, started.arguments, ignored);
  add_device_command(app, ignored);
  SOTTO_RETURN_IF_ERROR(parse_configured(app, started.arguments));
  SOTTO_RETURN_IF_ERROR(server.reload(fresh.server.extra_names));
  process.reloaded(fresh.log, started.values, values_in_force(*command), {"--name", "--log-level"});
  return {};
}

ExitCode serve(HelperOptions& options, const StartedWith& started) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  const ServerProcess process(options.log);
  options.server.notice = process.notice();
  auto server = server::MaskHelperServer::start(options.server);
  if (!server) return process.report(server.error());
  process.announce(start_lines(**server));
  const Status ended = process.wait({.health = [&] { return (*server)->status(); },
                                     .reload = [&] { return reload(process, started, **server); }});
  process.say_stopping();
  const bool patient = ended.ok() && drain(process, options.drain_seconds, **server);
  process.log().info("stopping");
  process.stop_unless_interrupted(
      [&] { (*server)->stop(patient ? std::chrono::seconds(10) : std::chrono::seconds(0)); });
  return ended.ok() ? ExitCode::kDone : process.report(ended);
}

void add_init(CLI::App& helper, const std::shared_ptr<HelperOptions>& options, ExitCode& exit_code) {
  CLI::App* command = helper.add_subcommand("init", "Make a key, and a record of what was answered with it.");
  command->add_option("--data-dir", options->server.data_dir, "Folder to make; holds the key")
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = init(*options); });
}

CLI::App* declare_helper(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "helper",
      "The second party of one-shot tasks, for devices that send one message and sleep. Run it where the\n"
      "coordinator's people have no access: together the two could read a device's update, alone neither "
      "can.");
  command->require_subcommand(1);
  return command;
}

CLI::App* declare_serve(CLI::App& helper, HelperOptions& options) {
  options.server.data_dir = "sotto-helper";
  options.server.threads = std::max(1u, std::thread::hardware_concurrency());
  CLI::App* command = helper.add_subcommand(
      "serve",
      "Run the helper. It gives out the sum of one set of devices' masks for each plan, and nothing else.\n"
      "DATA_DIR/answered.db remembers which. Plans of before its start are refused: rounds that are under "
      "way\n"
      "at a restart are lost, and the coordinator begins new ones.");
  command->add_option("--data-dir", options.server.data_dir, "Made by `sotto helper init`")
      ->capture_default_str();
  command
      ->add_option("--listen", options.server.listen,
                   "HOST:PORT for the coordinator; port 0 takes a free one")
      ->check(listen_address())
      ->capture_default_str();
  command
      ->add_option("--name", options.server.extra_names,
                   "Further host names or addresses that the coordinator reaches it by")
      ->check(certificate_name());
  command
      ->add_option("--authority", options.server.authority_file,
                   "Public key of the authority that enrols the fleet's devices, authority.pem")
      ->check(readable_file())
      ->required();
  command->add_option("--bulletin", options.server.bulletin_file,
                      "Where that authority's bulletin.pem is brought, whenever there is a new one");
  command
      ->add_option("--cohort-min", options.server.cohort_min,
                   "Refuse sets of fewer devices, whatever a plan says")
      ->check(CLI::Range(3, 10'000))
      ->capture_default_str();
  command->add_option("--threads", options.server.threads, "For adding masks")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option(
          "--drain-seconds", options.drain_seconds,
          "How long a stop waits for rounds that are under way, as coordinators say; as long as they take,\n"
          "and 0 for none")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  add_log_options(*command, options.log);
  add_private_process_option(*command, options.process);
  add_config_option(*command, "helper");
  return command;
}

}  // namespace

void add_mask_helper_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code) {
  auto options = std::make_shared<HelperOptions>();
  CLI::App* command = declare_helper(app);
  CLI::App* server = declare_serve(*command, *options);
  keep(*server, options);
  server->callback([options, server, &arguments, &exit_code] {
    exit_code = serve(*options, {arguments, values_in_force(*server)});
  });
  add_init(*command, options, exit_code);
  command->footer(
      "Example:\n"
      "  sotto helper init --data-dir sotto-helper\n"
      "  sotto helper serve --data-dir sotto-helper --authority authority.pem --listen 0.0.0.0:7444");
}

}  // namespace sotto::cli
