// `sotto gateway`: boards on serial lines and TCP, the coordinator over gRPC.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>

#include "commands.h"
#include "output.h"
#include "places.h"
#include "private_process.h"
#include "server_process.h"
#include "sotto/base/limits.h"
#include "sotto/client/gateway_server.h"

namespace sotto::cli {
namespace {

struct GatewayCommand {
  client::GatewayCoordinator coordinator;
  client::GatewayOptions gateway;
  std::uint32_t drain_seconds = 15;
  LogOptions log;
  PrivateProcess process;
};

CLI::App* declare_gateway(CLI::App& app, GatewayCommand& options);

// Only the log's level: lines and limits are of the next start.
Status reload(const ServerProcess& process, const StartedWith& started) {
  CLI::App app;
  ExitCode ignored = ExitCode::kDone;
  GatewayCommand fresh;
  set_conventions(app);
  const CLI::App* command = declare_gateway(app, fresh);
  add_serve_command(app, started.arguments, ignored);
  add_mask_helper_command(app, started.arguments, ignored);
  add_device_command(app, ignored);
  SOTTO_RETURN_IF_ERROR(parse_configured(app, started.arguments));
  process.reloaded(fresh.log, started.values, values_in_force(*command), {"--log-level"});
  return {};
}

void drain(const ServerProcess& process, std::uint32_t seconds, client::GatewayServer& gateway) {
  gateway.drain();
  process.log().info("draining: calls under way have {} s to be answered; a second signal ends it at once",
                     seconds);
  for (std::uint32_t second = 0; second < seconds && !gateway.drained(); ++second) {
    if (process.wait_for_another(std::chrono::seconds(1))) return;
  }
}

void say_counts(const ServerProcess& process, const client::GatewayCounts& counts) {
  process.log().info(
      "{} calls of boards, {} answers ({} without the coordinator); {} refused, {} unreadable, {} damaged "
      "frames",
      counts.calls, counts.answers, counts.failures, counts.refused, counts.unread, counts.damaged);
}

ExitCode serve(GatewayCommand& options, const StartedWith& started) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  const ServerProcess process(options.log);
  options.gateway.notice = [&log = process.log()](const client::GatewayNotice& notice) {
    log.log(notice.warning ? spdlog::level::warn : spdlog::level::info, notice.text);
  };
  auto gateway = client::start_gateway(options.coordinator, options.gateway);
  if (!gateway) return process.report(gateway.error());
  std::vector<std::string> lines{"boards are taken to the coordinator at " + options.coordinator.address};
  if (!options.gateway.listen.empty()) lines.push_back("listening on " + (*gateway)->address());
  process.announce(lines);
  const Status ended = process.wait({.reload = [&] { return reload(process, started); }});
  process.say_stopping();
  drain(process, options.drain_seconds, **gateway);
  say_counts(process, (*gateway)->counts());
  process.stop_unless_interrupted([&] { (*gateway)->stop(); });
  return ended.ok() ? ExitCode::kDone : process.report(ended);
}

void add_bounds(CLI::App& command, GatewayCommand& options) {
  client::GatewayLimits& limits = options.gateway.limits;
  command.add_option("--boards", limits.links_max, "Lines at once, those of serial ports included")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option("--boards-per-address", options.gateway.links_per_address_max,
                  "Lines at once from one address over TCP")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option(
          "--message-bytes", limits.message_bytes_max,
          "Largest call of a board, and largest answer: models come in pieces of 256 KiB, and a roster "
          "has\n96 bytes for each device of a cohort")
      ->check(CLI::Range(std::size_t{4096}, limits::kMessageBytesMax))
      ->capture_default_str();
  command.add_option("--memory-bytes", limits.memory_bytes_max, "For all boards' calls and answers together")
      ->check(CLI::Range(std::size_t{1} << 20, std::size_t{1} << 34))
      ->capture_default_str();
  command.add_option("--calls", limits.calls_max, "At the coordinator at once; others wait their turn")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
}

CLI::App* declare_gateway(CLI::App& app, GatewayCommand& options) {
  CLI::App* command = app.add_subcommand(
      "gateway",
      "Take boards that have no network of their own to the coordinator: over serial lines, or over TCP on "
      "a\n"
      "closed network. It holds no key of theirs and can read no update; what is under way is lost at a "
      "restart,\nand boards repeat it.");
  command->add_option("--coordinator", options.coordinator.address, "HOST:PORT")
      ->check(peer_address())
      ->required();
  command
      ->add_option("--ca", options.coordinator.ca_file,
                   "The coordinator's CA certificate; `sotto serve` prints where it is")
      ->check(readable_file())
      ->required();
  command
      ->add_option("--listen", options.gateway.listen,
                   "HOST:PORT for boards over TCP, without encryption; port 0 takes a free one")
      ->check(listen_address());
  command
      ->add_option("--serial", options.gateway.serial_ports,
                   "DEVICE[:BAUD] of a board, 115200 baud unless told otherwise; may be given several times")
      ->allow_extra_args(false);
  add_bounds(*command, options);
  command
      ->add_option("--drain-seconds", options.drain_seconds,
                   "How long a stop waits for calls that are under way")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  add_log_options(*command, options.log);
  add_private_process_option(*command, options.process);
  command->footer(
      "Example:\n"
      "  sotto gateway --coordinator coordinator.example:7443 --ca ca.pem --serial /dev/ttyUSB0:115200");
  add_config_option(*command, "gateway");
  return command;
}

}  // namespace

void add_gateway_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code) {
  auto options = std::make_shared<GatewayCommand>();
  CLI::App* command = declare_gateway(app, *options);
  keep(*command, options);
  command->callback([options, command, &arguments, &exit_code] {
    exit_code = serve(*options, {arguments, values_in_force(*command)});
  });
}

}  // namespace sotto::cli
