#include "steering.h"

#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "output.h"
#include "task_file.h"

namespace sotto::cli {
namespace {

struct ActOptions {
  AdministrationOptions administration;
  std::string task;
  std::string reason;
  std::uint64_t version = 0;
  std::string branch_of = "latest";
  std::string name;
  bool force = false;
  std::vector<std::string> assignments;
};
using Options = std::shared_ptr<ActOptions>;

ExitCode act(const ActOptions& options, const proto::TaskAct& what) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto task = (*client)->steer_task({.task = options.task, .reason = options.reason, .act = what});
  return print_one(task, options.administration.json);
}

ExitCode edit(const ActOptions& options) {
  const auto fields = read_assignments(options.assignments);
  if (!fields) return report_error(fields.error());
  return act(options, proto::EditTask{*fields});
}

ExitCode delete_task(const ActOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto task = (*client)->steer_task(
      {.task = options.task, .reason = options.reason, .act = proto::DeleteTask{options.force}});
  if (!task) return report_error(task.error());
  if (options.administration.json) {
    print_json(to_json(*task));
  } else {
    std::printf("deleted task '%s' with %u committed rounds and its models\n", options.task.c_str(),
                task->rounds_committed);
  }
  return ExitCode::kDone;
}

// Version 0 of a new task that is like this one.
ExitCode branch(const ActOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto task = find_task(**client, options.task);
  if (!task) return report_error(task.error());
  const auto model = find_model(**client, options.task, options.branch_of);
  if (!model) return report_error(model.error());
  const auto bytes = (*client)->fetch_model(*model);
  if (!bytes) return report_error(bytes.error());
  proto::TaskSpec spec = task->spec;
  spec.name = options.name;
  std::string origin = fmt::format("version {} of task '{}'", model->version.value, options.task);
  if (!options.reason.empty()) origin += ": " + options.reason;
  return print_one((*client)->create_task(spec, *bytes, origin), options.administration.json);
}

CLI::App* add_act(CLI::App& command, const Options& options, const char* name, const char* help) {
  CLI::App* sub = command.add_subcommand(name, help);
  sub->add_option("task", options->task, "The task's name")->required();
  add_administration_options(*sub, options->administration);
  sub->add_option("--reason", options->reason, "Why, for the record");
  return sub;
}

}  // namespace

Result<proto::ModelRecord> find_model(client::AdminClient& client, const std::string& task,
                                      const std::string& version) {
  auto models = client.list_models(task);
  if (!models) return models.error();
  std::uint64_t wanted = 0;
  const bool latest = version == "latest";
  if (!latest && !CLI::detail::lexical_cast(version, wanted)) {
    return invalid_argument("version " + version + ": must be a number or 'latest'");
  }
  for (const proto::ModelRecord& model : *models) {  // newest first
    if (latest || model.version.value == wanted) return model;
  }
  return not_found("task '" + task + "' has no model version " + version + "; `sotto model list " + task +
                   "` shows those it has");
}

void add_task_acts(CLI::App& task, ExitCode& exit_code) {
  auto options = std::make_shared<ActOptions>();
  CLI::App* editor = add_act(task, options, "edit", "Change a task from its next round on: key=value ...");
  editor
      ->add_option("changes", options->assignments,
                   "Keys as in a task file: training.learning_rate=0.02 participants=20 (`sotto task fields` "
                   "says which may change)")
      ->required()
      ->take_all();
  editor->callback([options, &exit_code] { exit_code = edit(*options); });
  CLI::App* deletion =
      add_act(task, options, "delete", "Delete a task with its rounds and models; nothing brings them back");
  deletion->add_flag("--force", options->force, "Also an active one, and with it the round at work");
  deletion->callback([options, &exit_code] { exit_code = delete_task(*options); });
}

void add_round_acts(CLI::App& round, ExitCode& exit_code) {
  auto options = std::make_shared<ActOptions>();
  add_act(round, options, "abort", "End the rounds at work; their devices are told, the next round begins")
      ->callback([options, &exit_code] { exit_code = act(*options, proto::AbortRounds{}); });
}

void add_model_acts(CLI::App& model, ExitCode& exit_code) {
  auto options = std::make_shared<ActOptions>();
  CLI::App* rollback = add_act(model, options, "rollback",
                               "Go on from an older version: a new one with its bytes; open rounds end");
  rollback->add_option("version", options->version, "The older version's number")->required();
  rollback->callback([options, &exit_code] {
    exit_code = act(*options, proto::RollBackModel{ModelVersion{options->version}});
  });
  CLI::App* brancher = add_act(model, options, "branch", "A new task that begins with this version's bytes");
  brancher->add_option("version", options->branch_of, "Number, or latest")->capture_default_str();
  brancher->add_option("--name", options->name, "The new task's")->required();
  brancher->callback([options, &exit_code] { exit_code = branch(*options); });
}

}  // namespace sotto::cli
