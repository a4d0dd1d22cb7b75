// `sotto fleet`, and what `sotto device` says and does about single devices: as the coordinator knows them.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "administration.h"
#include "commands.h"
#include "output.h"
#include "sotto/base/hex.h"
#include "sotto/host/utc_text.h"

namespace sotto::cli {
namespace {

struct FleetOptions {
  AdministrationOptions administration;
  std::string device;
  std::string reason;
  std::uint32_t count_max = 1000;
};
using Options = std::shared_ptr<FleetOptions>;

std::string time_or(std::int64_t unix_ms, const char* none) {
  return unix_ms == 0 ? none : host::utc_time(unix_ms);
}

nlohmann::json to_json(const proto::DeviceStatus& device) {
  return {{"id", device.id},
          {"identity", device.identity ? to_hex(*device.identity) : ""},
          {"peer", device.peer},
          {"last_seen_ms", device.last_seen_ms},
          {"state", proto::to_string(device.state)},
          {"task", device.task},
          {"round", json_number(device.round.value)},
          {"version", device.version.value},
          {"last_outcome", proto::to_string(device.last_outcome)},
          {"reason", device.reason},
          {"failures", device.failures},
          {"failures_in_a_row", device.failures_in_a_row},
          {"plan_from_ms", device.plan_from_ms},
          {"clones", device.clones},
          {"banned", device.banned},
          {"ban_reason", device.ban_reason},
          {"banned_ms", device.banned_ms},
          {"kept_from", device.kept_from}};
}

std::string state_of(const proto::DeviceStatus& device) {
  if (device.banned) return "banned";
  if (device.state == proto::DeviceState::kAway && device.plan_from_ms != 0) return "held back";
  if (device.state == proto::DeviceState::kAway && !device.kept_from.empty()) return "kept from tasks";
  return proto::to_string(device.state);
}

void print_devices(const std::vector<proto::DeviceStatus>& devices) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "LAST SEEN", "STATE", "TASK", "ROUND", "LAST OUTCOME", "FAILURES", "REASON"}};
  for (const proto::DeviceStatus& device : devices) {
    rows.push_back({device.id, time_or(device.last_seen_ms, "-"), state_of(device),
                    device.task.empty() ? "-" : device.task,
                    device.task.empty() ? "-" : std::to_string(device.round.value),
                    proto::to_string(device.last_outcome), std::to_string(device.failures),
                    device.banned           ? device.ban_reason
                    : device.reason.empty() ? device.kept_from
                                            : device.reason});
  }
  print_table(rows);
}

void print_device(const proto::DeviceStatus& device) {
  print_table(
      {{"id", device.id},
       {"identity", device.identity ? to_hex(*device.identity) : "none shown"},
       {"came from", device.peer},
       {"last seen", time_or(device.last_seen_ms, "not since the coordinator's start")},
       {"state", state_of(device)},
       {"in", device.task.empty() ? "no round"
                                  : fmt::format("task '{}', round {}, model version {}", device.task,
                                                device.round.value, device.version.value)},
       {"last outcome", proto::to_string(device.last_outcome)},
       {"failures", fmt::format("{}, {} in a row", device.failures, device.failures_in_a_row)},
       {"reason", device.reason.empty() ? "-" : device.reason},
       {"kept from", device.kept_from.empty() ? "no task" : device.kept_from},
       {"no plan before", time_or(device.plan_from_ms, "-")},
       {"clones seen", std::to_string(device.clones)},
       {"banned", device.banned ? fmt::format("since {}{}{}", host::utc_time(device.banned_ms),
                                              device.ban_reason.empty() ? "" : ": ", device.ban_reason)
                                : "no"}});
}

ExitCode print_all(const Result<std::vector<proto::DeviceStatus>>& devices, bool json) {
  if (!devices) return report_error(devices.error());
  if (json) {
    nlohmann::json array = nlohmann::json::array();
    for (const proto::DeviceStatus& device : *devices) array.push_back(to_json(device));
    print_json(array);
  } else {
    print_devices(*devices);
  }
  return ExitCode::kDone;
}

ExitCode list(const FleetOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  return print_all((*client)->list_devices({.count_max = options.count_max}), options.administration.json);
}

ExitCode show(const FleetOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto devices = (*client)->list_devices({.device = options.device, .count_max = options.count_max});
  if (!devices || options.administration.json || devices->empty()) {
    return print_all(devices, options.administration.json);
  }
  for (const proto::DeviceStatus& device : *devices) {
    if (&device != &devices->front()) std::printf("\n");
    print_device(device);
  }
  return ExitCode::kDone;
}

ExitCode ban(const FleetOptions& options, bool lift) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto devices =
      (*client)->ban_device({.device = options.device, .reason = options.reason, .lift = lift});
  if (!devices || options.administration.json) return print_all(devices, options.administration.json);
  std::printf("device '%s' is %s\n", options.device.c_str(),
              lift ? "no longer banned; it is back within 15 minutes, or in 2 when it was banned just now"
                   : "banned: it gets no plan until 'sotto device unban'");
  const bool seen =
      std::ranges::any_of(*devices, [](const proto::DeviceStatus& one) { return one.last_seen_ms != 0; });
  if (!lift && !seen) {
    std::printf(
        "no device of that name was seen since the coordinator's start: 'sotto device list' shows "
        "those that were\n");
  }
  return ExitCode::kDone;
}

ExitCode fleet(const FleetOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto fleet = (*client)->show_fleet();
  if (!fleet) return report_error(fleet.error());
  const std::pair<const char*, std::uint64_t> rows[] = {{"known", fleet->known},
                                                        {"seen_in_minute", fleet->seen_in_minute},
                                                        {"seen_in_hour", fleet->seen_in_hour},
                                                        {"seen_in_day", fleet->seen_in_day},
                                                        {"in_rounds", fleet->in_rounds},
                                                        {"failing", fleet->failing},
                                                        {"held_back", fleet->held_back},
                                                        {"banned", fleet->banned},
                                                        {"spent", fleet->spent}};
  nlohmann::json json = nlohmann::json::object();
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, count] : rows) {
    json[name] = count;
    table.push_back({name, std::to_string(count)});
  }
  if (options.administration.json) {
    print_json(json);
  } else {
    print_table(table);
  }
  return ExitCode::kDone;
}

CLI::App* add_on_device(CLI::App& command, const Options& options, const char* name, const char* help) {
  CLI::App* sub = command.add_subcommand(name, help);
  sub->add_option("device", options->device, "Its id, or its identity in hexadecimal")->required();
  add_administration_options(*sub, options->administration);
  return sub;
}

}  // namespace

void add_device_acts(CLI::App& device, ExitCode& exit_code) {
  auto options = std::make_shared<FleetOptions>();
  CLI::App* lister = device.add_subcommand(
      "list", "Devices that the coordinator has seen since its start, those seen last first");
  add_administration_options(*lister, options->administration);
  lister->add_option("--count", options->count_max, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  lister->callback([options, &exit_code] { exit_code = list(*options); });
  add_on_device(device, options, "show", "One device: when it was seen, where it is, why it failed")
      ->callback([options, &exit_code] { exit_code = show(*options); });
  CLI::App* banner = add_on_device(device, options, "ban", "Give a device no plan until its ban is lifted");
  banner->add_option("--reason", options->reason, "Why, for the record; the device is told");
  banner->callback([options, &exit_code] { exit_code = ban(*options, false); });
  CLI::App* lifter = add_on_device(device, options, "unban", "Lift a ban");
  lifter->add_option("--reason", options->reason, "Why, for the record");
  lifter->callback([options, &exit_code] { exit_code = ban(*options, true); });
}

void add_fleet_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("fleet", "The fleet by numbers, since the coordinator's start");
  auto options = std::make_shared<FleetOptions>();
  add_administration_options(*command, options->administration);
  command->callback([options, &exit_code] { exit_code = fleet(*options); });
}

}  // namespace sotto::cli
