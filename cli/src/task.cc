#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "administration.h"
#include "commands.h"
#include "field_table.h"
#include "head_model.h"
#include "output.h"
#include "places.h"
#include "sotto/base/bytes.h"
#include "sotto/base/limits.h"
#include "sotto/client/head_trainer.h"
#include "sotto/device_runtime/head.h"
#include "sotto/host/file.h"
#include "sotto/host/utc_text.h"
#include "sotto/simulation/npy.h"
#include "steering.h"
#include "task_file.h"

namespace sotto::cli {
namespace {

struct TaskOptions {
  AdministrationOptions administration;
  std::string name;
  std::string file;
  std::string initial;
  std::string head_file;  // --model FILE
  std::uint32_t interval_ms = 500;
};

std::string progress(const proto::TaskStatus& task) {
  return fmt::format("{}/{}", task.rounds_committed, task.spec.rounds);
}

std::string describe(const proto::AggregationSpec& aggregation) {
  const std::string kind = proto::to_string(aggregation.kind);
  if (aggregation.kind != proto::Aggregation::kSecure) return kind;
  return kind + ", adversary " + proto::to_string(aggregation.adversary);
}

std::string describe_spent(const proto::TaskStatus& task) {
  if (task.spent_devices == 0) return "none";
  const std::string until =
      task.spent_until_ms > 0 ? ", the first until " + host::utc_time(task.spent_until_ms) : "";
  return fmt::format("{}: their ledgers let no vector leave{}", task.spent_devices, until);
}

void print_task(const proto::TaskStatus& task) {
  const proto::TaskSpec& spec = task.spec;
  print_table(
      {{"name", spec.name},
       {"population", spec.population},
       {"state", proto::to_string(task.state)},
       {"rounds", fmt::format("{} committed, {} abandoned", progress(task), task.rounds_abandoned)},
       {"participants", fmt::format("{} a round, at least {}", spec.participants, spec.participants_min)},
       {"model", fmt::format("{}, {} parameters, version {}", proto::to_string(spec.model.architecture),
                             spec.model.parameter_count(), task.model_version.value)},
       {"aggregation", describe(spec.aggregation)},
       {"spent devices", describe_spent(task)},
       {"waiting for", task.waiting_for},
       {"until", task.waiting_until_ms > 0 ? host::utc_time(task.waiting_until_ms) : "no deadline"}});
}

// The values of an .npy file of float32, whatever its shape, or any other file's bytes as they are.
Result<std::vector<std::uint8_t>> read_initial_model(const std::string& path) {
  constexpr std::size_t kHeaderMax = 65'536;
  auto file = host::read_file(path, limits::kParametersMax * sizeof(float) + kHeaderMax);
  if (!file) return file.error();
  if (!*file) return not_found("there is no file " + path);
  if (std::filesystem::path(path).extension() != ".npy") return std::move(**file);
  const auto array = simulation::decode_npy<float>(**file, path);
  if (!array) return array.error();
  std::vector<std::uint8_t> bytes(array->values.size() * sizeof(float));
  ByteWriter writer(bytes);
  for (const float value : array->values) writer.f32(value);
  return bytes;
}

// The head of a .tflite file or model image, in the place of the task file's model, and where it begins. What
// the file says of examples, metrics and configuration stays.
Result<std::vector<std::uint8_t>> take_head(const std::string& path, proto::TaskSpec& spec) {
  const auto file = read_model_file(path);
  if (!file) return file.error();
  const auto head = client::HeadModel::open(*file, client::HeadForm::kFloat32);
  if (!head) return head.error().with_context(path);
  if (spec.training.batch_size > SOTTO_HEAD_BATCH_MAX) {
    return invalid_argument(
        fmt::format("training.batch_size is {}: a head takes steps of at most {} examples",
                    spec.training.batch_size, SOTTO_HEAD_BATCH_MAX));
  }
  proto::ModelSpec model = head->spec();
  model.configuration = spec.model.configuration;
  model.metrics = spec.model.metrics;
  model.input = spec.model.input;
  spec.model = model;
  std::vector<std::uint8_t> initial(head->initial().size() * sizeof(float));
  ByteWriter writer(initial);
  for (const float value : head->initial()) writer.f32(value);
  return initial;
}

ExitCode create(const TaskOptions& options) {
  auto spec = read_task_file(options.file);
  if (!spec) return report_error(spec.error());
  if (!options.head_file.empty()) {
    const auto head = take_head(options.head_file, *spec);
    if (!head) return report_error(head.error());
    auto client = connect(options.administration);
    if (!client) return report_error(client.error());
    return print_one((*client)->create_task(*spec, *head), options.administration.json);
  }
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  if (options.initial.empty()) return print_one((*client)->create_task(*spec), options.administration.json);
  const auto initial = read_initial_model(options.initial);
  if (!initial) return report_error(initial.error());
  return print_one((*client)->create_task(*spec, *initial), options.administration.json);
}

ExitCode list(const TaskOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  auto tasks = (*client)->list_tasks();
  if (!tasks) return report_error(tasks.error());
  if (options.administration.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const auto& task : *tasks) json.push_back(to_json(task));
    print_json(json);
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "POPULATION", "STATE", "ROUNDS", "MODEL", "WAITING FOR"}};
  for (const auto& task : *tasks) {
    rows.push_back({task.spec.name, task.spec.population, proto::to_string(task.state), progress(task),
                    fmt::format("v{}", task.model_version.value), task.waiting_for});
  }
  print_table(rows);
  return ExitCode::kDone;
}

ExitCode show(const TaskOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  return print_one(find_task(**client, options.name), options.administration.json);
}

ExitCode set_state(const TaskOptions& options, proto::TaskState state) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  return print_one((*client)->set_task_state(options.name, state), options.administration.json);
}

// ", accuracy 0.9312, loss 0.2021, 8 devices": of the last round, by the model that its devices received.
std::string describe(const proto::RoundRecord& round, const proto::MetricList& metrics) {
  std::string text;
  for (const proto::MetricMean& mean : proto::metric_means(metrics, round.metrics)) {
    text += ", " + mean.name + " " + decimal(mean.value, 4);
  }
  return text + fmt::format(", {} devices", round.collected);
}

nlohmann::json watched_json(const proto::TaskStatus& task, const std::optional<proto::RoundRecord>& last) {
  nlohmann::json json = to_json(task);
  if (!last) return json;
  for (const proto::MetricMean& mean : proto::metric_means(task.spec.model.metrics, last->metrics)) {
    json["training_" + mean.name] = mean.value;
  }
  json["last_round"] = to_json(*last, task.spec.model.metrics);
  return json;
}

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Prints every change of what the task waits for, and every finished round, until the task is complete.
ExitCode watch(const TaskOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  std::string last_line;
  for (;;) {
    auto task = find_task(**client, options.name);
    if (!task) return report_error(task.error());
    const auto rounds = (*client)->list_rounds(task->spec.name, 1);
    std::optional<proto::RoundRecord> last;
    if (rounds && !rounds->empty()) last = rounds->front();
    const std::string line =
        fmt::format("rounds {}, model v{}{}, {}: {}", progress(*task), task->model_version.value,
                    last ? describe(*last, task->spec.model.metrics) : "", proto::to_string(task->state),
                    task->waiting_for);
    if (line != last_line) {
      const std::string shown = options.administration.json ? watched_json(*task, last).dump()
                                                            : host::utc_time(unix_ms()) + " " + line;
      std::printf("%s\n", shown.c_str());
      std::fflush(stdout);
      last_line = line;
    }
    if (task->state == proto::TaskState::kComplete) return ExitCode::kDone;
    std::this_thread::sleep_for(std::chrono::milliseconds(options.interval_ms));
  }
}

void add_fields_command(CLI::App& command) {
  struct FieldsOptions {
    bool plan = false;
    bool markdown = false;
  };
  auto options = std::make_shared<FieldsOptions>();
  CLI::App* fields = command.add_subcommand("fields", "Every key of a task file: values, default, meaning");
  fields->add_flag("--plan", options->plan, "The fields of a plan's bytes instead (PROTOCOL.md)");
  fields->add_flag("--markdown", options->markdown, "As the table that the documents show");
  fields->callback([options] {
    const auto rows = options->plan ? plan_field_rows() : task_field_rows();
    if (options->markdown) {
      std::printf("%s", to_markdown(rows).c_str());
    } else {
      print_table(rows);
    }
  });
}

}  // namespace

ExitCode print_one(const Result<proto::TaskStatus>& task, bool json) {
  if (!task) return report_error(task.error());
  if (json) {
    print_json(to_json(*task));
  } else {
    print_task(*task);
  }
  return ExitCode::kDone;
}

void add_task_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command =
      app.add_subcommand("task", "Create and follow tasks: what a fleet learns")->require_subcommand(1);
  auto options = std::make_shared<TaskOptions>();

  CLI::App* creator =
      command->add_subcommand("create", "Create a task from a TOML file; see `sotto task example`");
  add_administration_options(*creator, options->administration);
  creator->add_option("--file", options->file, "The task's TOML file")->required()->check(readable_file());
  auto* initial = creator
                      ->add_option("--initial", options->initial,
                                   "Version 0 of the model: an .npy file of float32, or its bytes as they "
                                   "are [from the file's seed]")
                      ->check(readable_file());
  creator
      ->add_option(
          "--model", options->head_file,
          "Train the head of this int8 .tflite file or model image: the task's model is its head, and\n"
          "version 0 what the file has. Of the task file's [model] metrics and configuration remain")
      ->check(readable_file())
      ->excludes(initial);
  creator->callback([options, &exit_code] { exit_code = create(*options); });

  command->add_subcommand("example", "Print a task file with every key and its meaning")->callback([] {
    std::printf("%s", example_task_file().c_str());
  });

  add_fields_command(*command);

  CLI::App* lister = command->add_subcommand("list", "All tasks and what they wait for");
  add_administration_options(*lister, options->administration);
  lister->callback([options, &exit_code] { exit_code = list(*options); });

  struct Named {
    const char* name;
    const char* help;
    ExitCode (*run)(const TaskOptions&);
  };
  static constexpr Named kNamed[] = {
      {"show", "One task: state, progress, what it waits for and until when", show},
      {"watch", "Follow a task until it is complete; a line for every change", watch},
      {"pause", "Finish the running round and hand out no further plans",
       [](const TaskOptions& o) { return set_state(o, proto::TaskState::kPaused); }},
      {"resume", "Hand out plans again",
       [](const TaskOptions& o) { return set_state(o, proto::TaskState::kActive); }}};
  for (const Named& named : kNamed) {
    CLI::App* sub = command->add_subcommand(named.name, named.help);
    sub->add_option("task", options->name, "The task's name")->required();
    add_administration_options(*sub, options->administration);
    sub->callback([options, &exit_code, run = named.run] { exit_code = run(*options); });
  }
  add_task_acts(*command, exit_code);
}

}  // namespace sotto::cli
