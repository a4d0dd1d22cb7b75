#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <thread>

#include "commands.h"
#include "log.h"
#include "open_files.h"
#include "output.h"
#include "private_process.h"
#include "sotto/server/service.h"

namespace sotto::cli {
namespace {

struct ServeOptions {
  server::ServiceOptions service;
  std::uint32_t drain_seconds = 10;
  std::string log_level = "info";
  PrivateProcess process;
};

// Waits for SIGINT or SIGTERM, or for the coordinator to fail. The signals are blocked in every thread.
Status wait_for_end(const sigset_t& signals, const server::Service& service) {
  for (;;) {
    const timespec interval{.tv_sec = 1, .tv_nsec = 0};
    if (sigtimedwait(&signals, nullptr, &interval) > 0) return {};
    SOTTO_RETURN_IF_ERROR(service.status());
  }
}

void print_authority(const server::FleetAuthority& authority) {
  std::printf("authority %s%s\n", authority.public_file.c_str(), authority.created ? " (made now)" : "");
  if (authority.directory.empty()) {
    std::printf("enrol devices where the authority's key is kept\n");
  } else {
    std::printf("enrol devices with: sotto authority enroll NAME --authority %s -o NAME.pem\n",
                authority.directory.c_str());
  }
}

ExitCode serve(ServeOptions& options) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  raise_open_file_limit();
  const sigset_t signals = block_stop_signals();
  const auto log = make_log(options.log_level);
  server::DoorOptions& door = options.service.door;
  door.calls_burst = 10 * door.calls_per_second;
  door.connections_burst = static_cast<double>(door.connections_per_address_max);
  door.connections_per_second = std::max(1.0, door.connections_burst / 20);
  options.service.notice = [log](const hosting::Notice& notice) { log_notice(*log, notice); };
  auto service = server::Service::start(options.service);
  if (!service) return report_error(service.error());
  const hosting::TlsCertificate& certificate = (*service)->certificate();
  std::printf("CA certificate %s%s\n", certificate.ca_file.c_str(),
              certificate.ca_created ? " (made now)" : "");
  std::printf("CA fingerprint SHA-256 %s\n", certificate.ca_fingerprint.c_str());
  print_authority((*service)->authority());
  std::printf("administration %s\n", (*service)->admin_socket().c_str());
  std::printf("listening on %s\n", (*service)->address().c_str());
  std::fflush(stdout);

  const Status ended = wait_for_end(signals, **service);
  log->info("stopping: open calls have {} s to finish", options.drain_seconds);
  (*service)->stop(std::chrono::seconds(options.drain_seconds));
  if (!ended.ok()) return report_error(ended);
  return ExitCode::kDone;
}

void add_door_options(CLI::App& command, server::DoorOptions& door) {
  command.add_option(
      "--trusted-proxy", door.trusted_proxies,
      "ADDRESS or ADDRESS/BITS of a proxy in front of this coordinator, whose x-forwarded-for "
      "says where a call comes from;\nmay be given several times. A call for which it names no "
      "address counts as its own");
  command.add_option("--gateway", door.gateways,
                     "ADDRESS or ADDRESS/BITS behind which many devices are, a factory's for instance: no "
                     "limit for an address holds it;\nmay be given several times");
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

}  // namespace

void add_serve_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  options->service.data_dir = "sotto-data";
  options->service.finish_threads = std::max(1u, std::thread::hardware_concurrency());
  CLI::App* command = app.add_subcommand("serve",
                                         "Run the coordinator. TLS is always on: the first start makes a "
                                         "certificate authority in DATA_DIR/tls and prints\n"
                                         "its fingerprint; give DATA_DIR/tls/ca.pem to devices, and each an "
                                         "identity file that `sotto authority enroll` writes.\n"
                                         "Administration is a local socket, DATA_DIR/admin.sock.");
  command->add_option("--data-dir", options->service.data_dir, "Tasks, models, history, certificates")
      ->capture_default_str();
  command->add_option("--listen", options->service.listen, "HOST:PORT for devices; port 0 takes a free one")
      ->capture_default_str();
  command->add_option("--name", options->service.extra_names,
                      "Further host names or addresses that devices reach it by; goes into the certificate");
  auto* authority = command->add_option("--authority", options->service.authority_file,
                                        "Public key of the fleet's authority, which is kept elsewhere");
  command
      ->add_flag("--local-authority", options->service.local_authority,
                 "Keep the authority in DATA_DIR/authority, made at the first start: whoever controls this\n"
                 "coordinator can then invent devices, so that tasks hold against a curious one only")
      ->excludes(authority);
  command
      ->add_option(
          "--plan-endorsement", options->service.plan_endorsement_file,
          "That authority's endorsement of this coordinator, by `sotto authority enroll --coordinator`")
      ->needs(authority);
  command->add_option("--bulletin", options->service.bulletin_file,
                      "Where that authority's bulletin.pem is brought, whenever there is a new one: what it "
                      "revokes is refused\nfrom the next cohort on, and devices are told");
  auto* helper = command->add_option("--helper", options->service.helper_address,
                                     "HOST:PORT of the mask helper that another party runs; for tasks with "
                                     "aggregation one_shot");
  auto* helper_key = command
                         ->add_option("--helper-key", options->service.helper_key_file,
                                      "The helper's public key, helper-public.hex")
                         ->needs(helper);
  auto* helper_ca = command
                        ->add_option("--helper-ca", options->service.helper_ca_file,
                                     "The CA certificate (PEM) of the helper's server")
                        ->needs(helper);
  helper->needs(helper_key)->needs(helper_ca);
  add_door_options(*command, options->service.door);
  command->add_flag(
      "--raise-epoch", options->service.raise_epoch,
      "Once, after DATA_DIR/sotto.db was restored from a backup: rounds get numbers that no device "
      "has seen");
  command->add_flag("--accept-older-store", options->service.accept_older,
                    "Once, when a file of DATA_DIR is missing, older or another than it was and nothing "
                    "newer is to be had:\n"
                    "what there is counts from now on, and rounds get numbers that no device has seen");
  command->add_option("--threads", options->service.finish_threads, "For removing masks")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--drain-seconds", options->drain_seconds, "How long a stop waits for open calls")
      ->capture_default_str();
  command->add_option("--log-level", options->log_level)
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  add_private_process_option(*command, options->process);
  command->set_config("--config", "", "Read these options from a TOML file")->check(CLI::ExistingFile);
  command->footer(
      "Then, in another shell:  sotto task example > task.toml;  sotto task create --file task.toml");
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace sotto::cli
