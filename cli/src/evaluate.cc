// `sotto model evaluate`: committed versions on an operator's own examples, on this machine.
#include <fmt/core.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "output.h"
#include "places.h"
#include "sotto/client/trainer.h"
#include "sotto/simulation/data_set.h"
#include "steering.h"

namespace sotto::cli {
namespace {

struct EvaluateOptions {
  AdministrationOptions administration;
  std::string task;
  std::string data;
  std::string version = "latest";
};

struct Evaluated {
  ModelVersion version;
  client::Evaluation on;
};

Result<std::vector<float>> parameters_of(client::AdminClient& client, const proto::ModelRecord& model) {
  const auto bytes = client.fetch_model(model);
  if (!bytes) return bytes.error();
  std::vector<float> parameters(bytes->size() / sizeof(float));
  ByteReader reader(*bytes);
  for (float& value : parameters) value = reader.f32();
  return parameters;
}

Result<std::vector<proto::ModelRecord>> versions_of(client::AdminClient& client,
                                                    const EvaluateOptions& options) {
  if (options.version == "all") return client.list_models(options.task);
  const auto model = find_model(client, options.task, options.version);
  if (!model) return model.error();
  return std::vector{*model};
}

Result<std::vector<Evaluated>> evaluate_all(const EvaluateOptions& options) {
  const auto examples = simulation::load_examples(options.data);
  if (!examples) return examples.error();
  auto client = connect(options.administration);
  if (!client) return client.error();
  const auto task = find_task(**client, options.task);
  if (!task) return task.error();
  if (task->spec.model.architecture == proto::Architecture::kCustom) {
    return invalid_argument(fmt::format(
        "the model of task '{}' is custom: only a trainer of its own knows what its values mean; write them "
        "to a file with 'sotto model export' and evaluate them there",
        options.task));
  }
  const auto versions = versions_of(**client, options);
  if (!versions) return versions.error();
  std::vector<Evaluated> all;
  for (const proto::ModelRecord& model : *versions) {
    const auto parameters = parameters_of(**client, model);
    if (!parameters) return parameters.error();
    const auto on = client::evaluate(task->spec.model, *parameters, *examples);
    if (!on) return on.error().with_context(options.data);
    all.push_back({model.version, *on});
  }
  return all;
}

ExitCode evaluate(const EvaluateOptions& options) {
  const auto all = evaluate_all(options);
  if (!all) return report_error(all.error());
  if (options.administration.json) {
    nlohmann::json array = nlohmann::json::array();
    for (const Evaluated& model : *all) {
      array.push_back(
          {{"version", model.version.value}, {"accuracy", model.on.accuracy}, {"loss", model.on.mean_loss}});
    }
    print_json(array);
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"VERSION", "ACCURACY", "LOSS"}};
  for (const Evaluated& model : *all) {
    rows.push_back(
        {std::to_string(model.version.value), decimal(model.on.accuracy, 4), decimal(model.on.mean_loss, 4)});
  }
  print_table(rows);
  return ExitCode::kDone;
}

}  // namespace

void add_evaluate_command(CLI::App& model, ExitCode& exit_code) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command =
      model.add_subcommand("evaluate", "Accuracy and loss of versions on examples of your own");
  command->add_option("task", options->task, "The task's name")->required();
  add_administration_options(*command, options->administration);
  command->add_option("--data", options->data, "Folder with x.npy and y.npy, as devices have")
      ->check(existing_folder())
      ->required();
  command->add_option("--version", options->version, "Number, latest or all")->capture_default_str();
  command->callback([options, &exit_code] { exit_code = evaluate(*options); });
}

}  // namespace sotto::cli
