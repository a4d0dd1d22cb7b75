// What a device's owner sees of what left it, and how he stops it.
#include <fmt/core.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "output.h"
#include "sotto/base/hex.h"
#include "sotto/client/ledger.h"
#include "sotto/host/utc_text.h"

namespace sotto::cli {
namespace {

struct LedgerOptions {
  std::string file;
  bool stop = false;
  bool allow = false;
  bool json = false;
};

std::string utc_or_unknown(std::uint64_t unix_s) {
  return unix_s == 0 ? "unknown" : host::utc_time_of_seconds(unix_s);
}

std::string describe_round(RoundId round) {
  const RoundNumber number = round_number(round);
  return number.epoch == 0 ? fmt::format("{}", number.counter)
                           : fmt::format("{} of epoch {}", number.counter, number.epoch);
}

// "3, 4 (2 vectors)": the versions that vectors left for, oldest first.
std::string describe_models(const client::Ledger::Task& task) {
  std::string text;
  for (const client::Ledger::Model& model : task.models) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", model.version.value);
    if (model.vectors > 1) text += fmt::format(" ({} vectors)", model.vectors);
  }
  return text;
}

nlohmann::json to_json(const client::Ledger::Task& task) {
  nlohmann::json models = nlohmann::json::array();
  for (const client::Ledger::Model& model : task.models) {
    models.push_back({{"version", model.version.value},
                      {"digest_prefix", to_hex(model.digest)},
                      {"vectors", model.vectors}});
  }
  return {{"coordinator", to_hex(task.coordinator)}, {"task", task.task.value},
          {"round", json_number(task.round.value)},  {"vectors", task.vectors},
          {"last_vector_s", task.last_vector_s},     {"models", models}};
}

void print_as_json(const LedgerOptions& options, const client::Ledger& ledger, bool stopped) {
  nlohmann::json tasks = nlohmann::json::array();
  for (const client::Ledger::Task& task : ledger.tasks()) tasks.push_back(to_json(task));
  print_json({{"file", options.file},
              {"stopped", stopped},
              {"vectors", ledger.vectors()},
              {"period_start_s", ledger.period_start_s()},
              {"period_vectors", ledger.period_vectors()},
              {"folded_tasks", ledger.folded_tasks()},
              {"folded_vectors", ledger.folded_vectors()},
              {"tasks", tasks}});
}

void print_as_tables(const LedgerOptions& options, const client::Ledger& ledger, bool stopped) {
  std::vector<std::vector<std::string>> head = {
      {"ledger", options.file},
      {"state", stopped ? "stopped by its owner: nothing leaves" : "allowed, within its budgets"},
      {"vectors", fmt::format("{} have left this device", ledger.vectors())},
      {"this period", ledger.period_vectors() == 0 ? "none"
                                                   : fmt::format("{} since {}", ledger.period_vectors(),
                                                                 utc_or_unknown(ledger.period_start_s()))}};
  if (ledger.folded_tasks() > 0) {
    head.push_back({"older tasks", fmt::format("{} vectors for {} tasks that are not listed any more",
                                               ledger.folded_vectors(), ledger.folded_tasks())});
  }
  print_table(head);
  if (ledger.tasks().empty()) return;
  std::vector<std::vector<std::string>> rows = {
      {"COORDINATOR", "TASK", "LAST ROUND", "VECTORS", "LAST VECTOR", "LAST VERSIONS"}};
  for (const client::Ledger::Task& task : ledger.tasks()) {
    rows.push_back({to_hex(Bytes(task.coordinator).first(8)), fmt::format("{}", task.task.value),
                    describe_round(task.round), fmt::format("{}", task.vectors),
                    task.vectors == 0 ? "none" : utc_or_unknown(task.last_vector_s), describe_models(task)});
  }
  print_table(rows);
}

ExitCode run(const LedgerOptions& options) {
  const auto ledger = client::read_ledger(options.file);
  if (!ledger) return report_error(ledger.error());
  if (options.stop || options.allow) {
    if (const Status done = client::stop_ledger(options.file, options.stop); !done.ok()) {
      return report_error(done);
    }
  }
  const auto stopped = client::ledger_is_stopped(options.file);
  if (!stopped) return report_error(stopped.error());
  if (options.json) {
    print_as_json(options, *ledger, *stopped);
  } else {
    print_as_tables(options, *ledger, *stopped);
  }
  return ExitCode::kDone;
}

}  // namespace

void add_device_ledger_command(CLI::App& device, ExitCode& exit_code) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command =
      device.add_subcommand("ledger", "What has left a device, for its owner; and whether anything may");
  command->add_option("ledger", options->file, "The ledger's file; `sotto device run` keeps it")->required();
  auto* stop = command->add_flag(
      "--stop", options->stop, "From now on, and over restarts, nothing leaves; also while the device runs");
  command->add_flag("--allow", options->allow, "Take a --stop back")->excludes(stop);
  command->add_flag("--json", options->json, "JSON instead of tables");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace sotto::cli
