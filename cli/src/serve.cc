#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "commands.h"
#include "open_files.h"
#include "output.h"
#include "places.h"
#include "private_process.h"
#include "server_process.h"
#include "sotto/server/service.h"

namespace sotto::cli {
namespace {

struct ServeOptions {
  server::ServiceOptions service;
  // One of each for a mask helper.
  std::vector<std::string> helper_addresses;
  std::vector<std::string> helper_keys;
  std::vector<std::string> helper_cas;
  std::uint32_t drain_seconds = 10;
  LogOptions log;
  PrivateProcess process;
};

std::vector<std::string> authority_lines(const server::FleetAuthority& authority) {
  const std::string how = authority.directory.empty()
                              ? "enrol devices where the authority's key is kept"
                              : fmt::format(
                                    "enrol devices with: sotto authority enroll NAME --authority {} "
                                    "-o NAME.pem",
                                    authority.directory.string());
  return {
      fmt::format("authority {}{}", authority.public_file.string(), authority.created ? " (made now)" : ""),
      how};
}

std::vector<std::string> start_lines(const server::Service& service) {
  const hosting::TlsCertificate& certificate = service.certificate();
  std::vector<std::string> lines = {fmt::format("CA certificate {}{}", certificate.ca_file.string(),
                                                certificate.ca_created ? " (made now)" : ""),
                                    fmt::format("CA fingerprint SHA-256 {}", certificate.ca_fingerprint)};
  for (std::string& line : authority_lines(service.authority())) lines.push_back(std::move(line));
  lines.push_back(fmt::format("administration {}", service.admin_socket().string()));
  lines.push_back(fmt::format("listening on {}", service.address()));
  return lines;
}

Status place_helpers(ServeOptions& options) {
  const std::size_t count = options.helper_addresses.size();
  if (options.helper_keys.size() != count || options.helper_cas.size() != count) {
    return invalid_argument(
        "each mask helper has a --helper, a --helper-key and a --helper-ca, in one order");
  }
  for (std::size_t i = 0; i < count; ++i) {
    options.service.helpers.push_back({.address = options.helper_addresses[i],
                                       .key_file = options.helper_keys[i],
                                       .ca_file = options.helper_cas[i]});
  }
  return {};
}

// What follows from the two options of the door.
void complete(server::DoorOptions& door) {
  door.calls_burst = 10 * door.calls_per_second;
  door.connections_burst = static_cast<double>(door.connections_per_address_max);
  door.connections_per_second = std::max(1.0, door.connections_burst / 20);
}

CLI::App* declare_serve(CLI::App& app, ServeOptions& options);

// What a coordinator takes over while it serves: --name with the certificate, the door's limits and lists,
// --log-level.
Status reload(const ServerProcess& process, const StartedWith& started, server::Service& service) {
  CLI::App app;
  ExitCode ignored = ExitCode::kDone;
  ServeOptions fresh;
  set_conventions(app);
  const CLI::App* command = declare_serve(app, fresh);
  add_mask_helper_command(app, started.arguments, ignored);
  add_gateway_command(app, started.arguments, ignored);
  add_device_command(app, ignored);
  SOTTO_RETURN_IF_ERROR(parse_configured(app, started.arguments));
  complete(fresh.service.door);
  SOTTO_RETURN_IF_ERROR(service.reload(fresh.service.extra_names, fresh.service.door));
  process.reloaded(fresh.log, started.values, values_in_force(*command),
                   {"--name", "--calls-per-second", "--connections-per-address", "--gateway",
                    "--trusted-proxy", "--log-level"});
  return {};
}

ExitCode serve(ServeOptions& options, const StartedWith& started) {
  if (const Status status = place_helpers(options); !status.ok()) return report_error(status);
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  const ServerProcess process(options.log);
  if (const Status status = provide_open_files(process.log()); !status.ok()) return process.report(status);
  complete(options.service.door);
  options.service.notice = process.notice();
  auto service = server::Service::start(options.service);
  if (!service) return process.report(service.error());
  process.announce(start_lines(**service));
  const Status ended = process.wait({.health = [&] { return (*service)->status(); },
                                     .stuck = [&] { return (*service)->busy_for(); },
                                     .reload = [&] { return reload(process, started, **service); }});
  process.say_stopping();
  // Who cannot record what it answers has nothing to wait for.
  const std::chrono::seconds grace(ended.ok() ? options.drain_seconds : 0);
  process.log().info("stopping: open calls have {} s to finish; a second signal ends it at once",
                     grace.count());
  process.stop_unless_interrupted([&] { (*service)->stop(grace); });
  return ended.ok() ? ExitCode::kDone : process.report(ended);
}

void add_helper_options(CLI::App& command, ServeOptions& options) {
  auto* helper = command.add_option("--helper", options.helper_addresses,
                                    "HOST:PORT of the mask helper that another party runs; for tasks with "
                                    "aggregation one_shot.\nGiven twice, "
                                    "with two keys and CAs: such tasks have both, and even one that joins "
                                    "forces with this coordinator\nlearns "
                                    "nothing");
  auto* key =
      command.add_option("--helper-key", options.helper_keys, "The helper's public key, helper-public.hex");
  auto* ca = command.add_option("--helper-ca", options.helper_cas,
                                "The CA certificate (PEM) of the helper's server");
  helper->check(peer_address());
  for (auto* option : {key, ca}) option->check(readable_file());
  for (auto* option : {helper, key, ca}) option->allow_extra_args(false);
  key->needs(helper);
  ca->needs(helper);
  helper->needs(key)->needs(ca);
}

void add_door_options(CLI::App& command, server::DoorOptions& door) {
  command
      .add_option("--trusted-proxy", door.trusted_proxies,
                  "ADDRESS or ADDRESS/BITS of a proxy in front of this coordinator, whose x-forwarded-for "
                  "says where a call comes from;\nmay be given several times. A call for which it names no "
                  "address counts as its own")
      ->check(network_address());
  command
      .add_option("--gateway", door.gateways,
                  "ADDRESS or ADDRESS/BITS behind which many devices are, a factory's for instance: no "
                  "limit for an address holds it;\nmay be given several times")
      ->check(network_address());
  command
      .add_option("--calls-per-second", door.calls_per_second,
                  "That an address (IPv6: a /64) may make without a session, ten times as many at once")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command
      .add_option("--connections-per-address", door.connections_per_address_max,
                  "That an address may have open, and open at once; a twentieth of it a second after that")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

CLI::App* declare_serve(CLI::App& app, ServeOptions& options) {
  options.service.data_dir = "sotto-data";
  options.service.finish_threads = std::max(1u, std::thread::hardware_concurrency());
  CLI::App* command = app.add_subcommand("serve",
                                         "Run the coordinator. TLS is always on: the first start makes a "
                                         "certificate authority in DATA_DIR/tls and prints\n"
                                         "its fingerprint; give DATA_DIR/tls/ca.pem to devices, and each an "
                                         "identity file that `sotto authority enroll` writes.\n"
                                         "Administration is a local socket, DATA_DIR/admin.sock.");
  command->add_option("--data-dir", options.service.data_dir, "Tasks, models, history, certificates")
      ->capture_default_str();
  command->add_option("--listen", options.service.listen, "HOST:PORT for devices; port 0 takes a free one")
      ->check(listen_address())
      ->capture_default_str();
  command
      ->add_option("--name", options.service.extra_names,
                   "Further host names or addresses that devices reach it by; goes into the certificate")
      ->check(certificate_name());
  auto* authority = command
                        ->add_option("--authority", options.service.authority_file,
                                     "Public key of the fleet's authority, which is kept elsewhere")
                        ->check(readable_file());
  command
      ->add_flag("--local-authority", options.service.local_authority,
                 "Keep the authority in DATA_DIR/authority, made at the first start: whoever controls this\n"
                 "coordinator can then invent devices, so that tasks hold against a curious one only")
      ->excludes(authority);
  command
      ->add_option(
          "--plan-endorsement", options.service.plan_endorsement_file,
          "That authority's endorsement of this coordinator, by `sotto authority enroll --coordinator`")
      ->check(readable_file())
      ->needs(authority);
  command->add_option("--bulletin", options.service.bulletin_file,
                      "Where that authority's bulletin.pem is brought, whenever there is a new one: what it "
                      "revokes is refused\nfrom the next cohort on, and devices are told");
  add_helper_options(*command, options);
  add_door_options(*command, options.service.door);
  command
      ->add_flag(
          "--raise-epoch", options.service.raise_epoch,
          "Once, after DATA_DIR/sotto.db was restored from a backup: rounds get numbers that no device "
          "has seen")
      ->configurable(false);
  command
      ->add_flag("--accept-older-store", options.service.accept_older,
                 "Once, when a file of DATA_DIR is missing, older or another than it was and nothing "
                 "newer is to be had:\n"
                 "what there is counts from now on, and rounds get numbers that no device has seen")
      ->configurable(false);
  command->add_option("--threads", options.service.finish_threads, "For removing masks")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option("--drain-seconds", options.drain_seconds,
                   "How long a stop waits for open calls; a second SIGTERM or SIGINT ends it at once")
      ->capture_default_str();
  add_log_options(*command, options.log);
  add_private_process_option(*command, options.process);
  command->footer(
      "Then, in another shell:  sotto task example > task.toml;  sotto task create --file task.toml");
  add_config_option(*command, "serve");
  return command;
}

}  // namespace

void add_serve_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = declare_serve(app, *options);
  keep(*command, options);
  command->callback([options, command, &arguments, &exit_code] {
    exit_code = serve(*options, {arguments, values_in_force(*command)});
  });
}

}  // namespace sotto::cli
