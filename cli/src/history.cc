// `sotto round` and `sotto model`: what a task has done and what it has learned.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "administration.h"
#include "commands.h"
#include "model_export.h"
#include "output.h"
#include "sotto/base/hex.h"
#include "sotto/host/utc_text.h"
#include "steering.h"

namespace sotto::cli {
namespace {

struct HistoryOptions {
  AdministrationOptions administration;
  std::string task;
  std::uint64_t round = 0;
  std::uint32_t count_max = 50;
};

std::vector<std::string> round_row(const proto::RoundRecord& round, const proto::MetricList& metrics) {
  std::vector<std::string> row = {std::to_string(round.round.value), proto::to_string(round.outcome),
                                  fmt::format("v{}", round.committed_version.value),
                                  fmt::format("{}/{}", round.joined, round.plans_given),
                                  std::to_string(round.collected)};
  const std::vector<proto::MetricMean> means = proto::metric_means(metrics, round.metrics);
  for (const proto::MetricMean& mean : means) row.push_back(decimal(mean.value, 4));
  row.resize(row.size() + metrics.size() - means.size(), "-");
  row.push_back(decimal(static_cast<double>(round.finished_ms - round.started_ms) / 1000, 2));
  row.push_back(round.reason);
  return row;
}

std::vector<std::string> round_head(const proto::MetricList& metrics) {
  std::vector<std::string> head = {"ROUND", "OUTCOME", "MODEL", "JOINED", "IN SUM"};
  for (const proto::MetricMean& mean : proto::metric_means(metrics, {.examples = 1})) {
    std::string title = "TRAIN " + mean.name;
    std::ranges::transform(title, title.begin(), [](unsigned char c) { return std::toupper(c); });
    head.push_back(title);
  }
  head.insert(head.end(), {"SECONDS", "REASON"});
  return head;
}

void print_rounds(const std::vector<proto::RoundRecord>& rounds, const proto::MetricList& metrics,
                  bool json) {
  if (json) {
    nlohmann::json array = nlohmann::json::array();
    for (const auto& round : rounds) array.push_back(to_json(round, metrics));
    return print_json(array);
  }
  std::vector<std::vector<std::string>> rows = {round_head(metrics)};
  for (const auto& round : rounds) rows.push_back(round_row(round, metrics));
  print_table(rows);
}

ExitCode list_rounds(const HistoryOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  auto rounds = (*client)->list_rounds(options.task, options.count_max);
  if (!rounds) return report_error(rounds.error());
  auto task = find_task(**client, options.task);
  if (!task) return report_error(task.error());
  print_rounds(*rounds, task->spec.model.metrics, options.administration.json);
  return ExitCode::kDone;
}

ExitCode show_round(const HistoryOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  auto rounds = (*client)->list_rounds(options.task, UINT32_MAX);
  if (!rounds) return report_error(rounds.error());
  auto task = find_task(**client, options.task);
  if (!task) return report_error(task.error());
  for (const auto& round : *rounds) {
    if (round.round.value != options.round) continue;
    const nlohmann::json json = to_json(round, task->spec.model.metrics);
    if (options.administration.json) {
      print_json(json);
    } else {
      for (const auto& [key, value] : json.items())
        std::printf("%-18s %s\n", key.c_str(), value.dump().c_str());
    }
    return ExitCode::kDone;
  }
  return report_error(
      not_found(fmt::format("task '{}' has no finished round {}; `sotto round list {}` shows those it has",
                            options.task, options.round, options.task)));
}

ExitCode list_models(const HistoryOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  auto models = (*client)->list_models(options.task);
  if (!models) return report_error(models.error());
  if (options.administration.json) {
    nlohmann::json array = nlohmann::json::array();
    for (const auto& model : *models) array.push_back(to_json(model));
    print_json(array);
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"VERSION", "COMMITTED", "BYTES", "SHA256", "NOTE"}};
  for (const auto& model : *models) {
    rows.push_back({std::to_string(model.version.value), host::utc_time(model.committed_ms),
                    std::to_string(model.bytes), to_hex(model.digest), model.note});
  }
  print_table(rows);
  return ExitCode::kDone;
}

CLI::App* add_task_subcommand(CLI::App& command, const std::shared_ptr<HistoryOptions>& options,
                              const char* name, const char* help) {
  CLI::App* sub = command.add_subcommand(name, help);
  sub->add_option("task", options->task, "The task's name")->required();
  add_administration_options(*sub, options->administration);
  return sub;
}

}  // namespace

void add_round_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("round", "Finished rounds of a task")->require_subcommand(1);
  auto options = std::make_shared<HistoryOptions>();
  CLI::App* lister = add_task_subcommand(*command, options, "list", "Rounds, newest first");
  lister->add_option("--count", options->count_max, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  lister->callback([options, &exit_code] { exit_code = list_rounds(*options); });
  CLI::App* show = add_task_subcommand(*command, options, "show", "One round, every figure");
  show->add_option("round", options->round, "The round's number")->required();
  show->callback([options, &exit_code] { exit_code = show_round(*options); });
  add_round_acts(*command, exit_code);
}

void add_model_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("model", "Committed model versions of a task, and updates of boards")
                          ->require_subcommand(1);
  auto options = std::make_shared<HistoryOptions>();
  CLI::App* lister = add_task_subcommand(*command, options, "list", "Versions, newest first");
  lister->callback([options, &exit_code] { exit_code = list_models(*options); });
  add_model_export_command(*command, exit_code);
  add_model_acts(*command, exit_code);
  add_evaluate_command(*command, exit_code);
  add_model_update_commands(*command, exit_code);
  add_model_publish_commands(*command, exit_code);
}

}  // namespace sotto::cli
