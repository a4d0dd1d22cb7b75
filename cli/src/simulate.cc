#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "commands.h"
#include "field_options.h"
#include "head_model.h"
#include "open_files.h"
#include "output.h"
#include "places.h"
#include "sotto/client/head_trainer.h"
#include "sotto/simulation/data_set.h"
#include "sotto/simulation/experiment.h"
#include "sotto/simulation/report.h"

namespace sotto::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // set by the signal handler; a handler has no other way to speak

constexpr std::size_t kOtherFiles = 64;

struct SimulateOptions {
  simulation::DataOptions data;
  simulation::ExperimentOptions experiment;
  std::string head_file;  // --model FILE
  std::string json_file;
  std::string report_file;
  bool quiet = false;
};

void add_data_options(CLI::App& app, SimulateOptions& options) {
  app.add_option("dataset", options.data.name, "Which data set")
      ->required()
      ->check(CLI::IsMember({"motion", "har", "fashion-mnist", "fsdd", "folder"}))
      ->type_name("motion|har|fashion-mnist|fsdd|folder");
  app.add_option("--data", options.data.directory,
                 "Folder with the data set's files (motion needs none);\n"
                 "of folder: a folder for each device and test/, as `sotto dataset export` writes")
      ->check(existing_folder());
  app.add_option("--devices", options.data.devices, "Devices in the fleet [the data set's own number]");
  add_choice(app, "--partition", options.data.partition, "how examples are split over devices");
  app.add_option("--dirichlet-alpha", options.data.dirichlet_alpha,
                 "Label skew of --partition dirichlet; small is skewed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

// A word for a built-in architecture, or the file of a model whose head is trained.
void add_model_options(CLI::App& app, SimulateOptions& options) {
  app.add_option_function<std::string>(
         "--model",
         [&options](const std::string& text) {
           const auto architecture = from_word<proto::Architecture>(text);
           options.experiment.architecture = architecture.value_or(proto::Architecture::kCustom);
           options.head_file = architecture ? "" : text;
         },
         "What is trained: softmax (regression), dense (hidden layers of ReLU units),\n"
         "or the head of a model: an int8 .tflite file or a model image that takes these examples")
      ->type_name("softmax|dense|FILE")
      ->default_str("softmax");
  add_head_form_option(app, options.experiment.head_form);
  app.add_option("--hidden", options.experiment.hidden,
                 "Units of each hidden layer of --model dense, as 64,32")
      ->delimiter(',')
      ->expected(1, static_cast<int>(proto::kHiddenLayersMax))
      ->capture_default_str();
}

// Reads it, so that a wrong name is told before any data are.
Status read_head(SimulateOptions& options) {
  if (options.head_file.empty()) return {};
  auto content = read_model_file(options.head_file);
  if (!content && content.error().code() == StatusCode::kNotFound)
    return not_found(content.error().message() + ", and no word for a model (softmax, dense)");
  if (!content) return content.error();
  options.experiment.head = std::move(*content);
  const auto head = client::HeadModel::open(options.experiment.head, options.experiment.head_form);
  return head ? Status() : head.error().with_context(options.head_file);
}

void add_training_options(CLI::App& app, simulation::ExperimentOptions& experiment) {
  app.add_option("--rounds", experiment.rounds, "Rounds to run")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--clients-per-round", experiment.clients_per_round,
                 "Devices that take part in a round [all]");
  add_field_options(app, experiment.task,
                    {"local_epochs", "batch_size", "learning_rate", "momentum", "proximal_mu",
                     "server_learning_rate", "server_momentum"});
}

void add_protocol_options(CLI::App& app, simulation::ExperimentOptions& experiment) {
  add_field_options(
      app, experiment.task,
      {"aggregation", "adversary", "prg", "packing", "cohort_max", "report_within_ms", "phase_deadline_ms"});
  add_choice(app, "--transport", experiment.transport, "how devices reach the coordinator");
  app.add_option("--dropout", experiment.dropout,
                 "Probability that a device drops out of a round, at a random step")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  app.add_option("--mask-helpers", experiment.mask_helpers, "Of a one_shot task")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  app.add_flag("--silent-dropout", experiment.silent_dropout,
               "Drop-outs vanish without a word: the coordinator waits for its deadlines");
}

void add_coordinator_options(CLI::App& app, simulation::ExternalCoordinator& external) {
  auto* address =
      app.add_option("--coordinator", external.address,
                     "HOST:PORT of a running `sotto serve`; needs --transport grpc [start an own one]");
  auto* ca = app.add_option("--ca", external.ca_file, "Its CA certificate, DATA_DIR/tls/ca.pem")
                 ->check(CLI::ExistingFile);
  auto* admin =
      app.add_option("--admin", external.admin_socket, "Its administration socket, DATA_DIR/admin.sock");
  auto* authority = app.add_option("--authority", external.authority,
                                   "Folder of its fleet's authority, DATA_DIR/authority: enrols the devices")
                        ->check(CLI::ExistingDirectory);
  address->needs(ca)->needs(admin)->needs(authority);
}

void print_round(const simulation::RoundResult& round) {
  const auto dropped = round.dropped_before_keys + round.dropped_after_keys + round.dropped_after_shares +
                       round.dropped_after_vector + round.dropped_after_confirm;
  const proto::RoundRecord& record = round.record;
  if (record.outcome == proto::RoundOutcome::kAbandoned) {
    std::printf("round %3llu  abandoned: %s\n", static_cast<unsigned long long>(record.round.value),
                record.reason.c_str());
  } else {
    const int bars = static_cast<int>(round.accuracy * 40);
    std::printf("round %3llu  accuracy %.4f  %-40.*s  %4u in the sum, %3u dropped out, %6.2f s\n",
                static_cast<unsigned long long>(record.round.value), round.accuracy, bars,
                "########################################", record.collected, dropped, round.seconds);
  }
  std::fflush(stdout);
}

// Means over the devices that have test examples of their own.
void print_own_accuracy(const std::vector<simulation::DeviceResult>& devices) {
  if (devices.empty()) return;
  double before = 0, after = 0;
  std::size_t better = 0;
  for (const simulation::DeviceResult& device : devices) {
    before += device.initial_accuracy;
    after += device.final_accuracy;
    if (device.final_accuracy > device.initial_accuracy) ++better;
  }
  const auto count = static_cast<double>(devices.size());
  std::printf("on the devices' own test examples: %.4f -> %.4f on average, better for %zu of %zu\n",
              before / count, after / count, better, devices.size());
}

void print_summary(const simulation::ExperimentResult& result, const SimulateOptions& options) {
  std::printf("\n%s: accuracy %.4f -> %.4f after %u rounds (%u abandoned)\n", result.dataset.c_str(),
              result.initial_accuracy, result.final_accuracy, result.rounds_completed,
              result.rounds_abandoned);
  if (result.local_accuracy >= 0) {
    std::printf("devices on their own reach %.4f on average\n", result.local_accuracy);
  }
  if (result.central_accuracy >= 0) {
    std::printf("all examples in one place reach %.4f\n", result.central_accuracy);
  }
  print_own_accuracy(result.per_device);
  std::printf("uplink per device and round: %.0f bytes = %.3f per parameter; %.2f s per round\n",
              result.uplink_bytes_per_device, result.uplink_bytes_per_parameter, result.seconds_per_round);
  std::printf("model sha256 %s\n", result.model_sha256.c_str());
  if (!result.transcript_sha256.empty()) {
    std::printf("transcript sha256 %s\n", result.transcript_sha256.c_str());
  }
  if (!options.report_file.empty()) std::printf("report: %s\n", options.report_file.c_str());
}

// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  constexpr char kPlain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// What to type to have this experiment again: what was typed, and the seed in any case. Files it wrote are
// left as they are.
std::string replay_command(const CLI::App& command, std::uint64_t seed) {
  std::string line = "sotto simulate";
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || name == "--json" || name == "--report" || name == "--seed") continue;
    if (!option->get_positional()) line += " " + name;
    if (option->get_expected_max() == 0) continue;  // a flag
    for (const std::string& value : option->reduced_results()) line += " " + shell_word(value);
  }
  return line + " --seed " + std::to_string(seed);
}

ExitCode report_failed_experiment(const Status& status, const SimulateOptions& options,
                                  const CLI::App& command) {
  const ExitCode exit_code = report_error(status);
  std::fprintf(stderr, "sotto: to run this again: %s\n",
               replay_command(command, options.experiment.seed).c_str());
  return exit_code;
}

Status write_results(const Outputs& outputs, const SimulateOptions& options,
                     const simulation::ExperimentResult& result) {
  SOTTO_RETURN_IF_ERROR(outputs.write(options.json_file, text_bytes(simulation::to_json(result) + "\n")));
  return outputs.write(options.report_file, text_bytes(simulation::to_html(result)));
}

// What a script asks first.
ExitCode judge(const simulation::ExperimentResult& result) {
  if (result.interrupted) {
    std::fprintf(stderr, "sotto: interrupted after %zu of %u rounds\n", result.per_round.size(),
                 result.rounds);
    return ExitCode::kInterrupted;
  }
  if (result.rounds_completed > 0) return ExitCode::kDone;
  std::fprintf(stderr, "sotto: nothing was learned: all %u rounds were abandoned, the last because %s\n",
               result.rounds_abandoned,
               result.per_round.empty() ? "there was none" : result.per_round.back().record.reason.c_str());
  return ExitCode::kNothingLearned;
}

ExitCode simulate(SimulateOptions& options, const CLI::App& command) {
  if (!options.experiment.external.address.empty() &&
      options.experiment.transport != simulation::TransportKind::kGrpc) {
    return report_error(invalid_argument("--coordinator needs --transport grpc"));
  }
  if (options.data.name != "motion" && options.data.directory.empty()) {
    return report_error(
        invalid_argument(options.data.name + " is read from files: say where with --data DIR"));
  }
  if (const Status status = read_head(options); !status.ok()) return report_error(status);
  auto outputs = Outputs::open({options.json_file, options.report_file});
  if (!outputs) return report_error(outputs.error());
  raise_open_file_limit();
  auto data = simulation::load_data_set(options.data);
  if (!data) return report_error(data.error());
  if (options.experiment.transport == simulation::TransportKind::kGrpc) {
    // Each device's connection has two ends, both of them here when the coordinator is.
    const std::size_t ends = options.experiment.external.address.empty() ? 2 : 1;
    if (const Status status = provide_open_files(ends * data->devices.size() + kOtherFiles); !status.ok()) {
      return report_error(status);
    }
  }
  if (!options.quiet) {
    std::printf("%s: %zu devices, %u features, %u classes, %zu test examples\n", data->name.c_str(),
                data->devices.size(), data->features, data->classes, data->test.count());
    options.experiment.on_round = print_round;
  }
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { interrupted = 1; });
  options.experiment.cancelled = [] { return interrupted != 0; };
  auto result = simulation::run_experiment(*data, options.experiment);
  if (!result) return report_failed_experiment(result.error(), options, command);
  if (const Status status = write_results(*outputs, options, *result); !status.ok()) {
    return report_error(status);
  }
  if (!options.quiet) print_summary(*result, options);
  return judge(*result);
}

}  // namespace

void add_simulate_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<SimulateOptions>();
  options->experiment.threads = std::max(1u, std::thread::hardware_concurrency());
  options->experiment.task.training.batch_size = 16;
  options->experiment.task.training.learning_rate = 0.05f;
  CLI::App* command = app.add_subcommand(
      "simulate",
      "Run an experiment: a fleet of real device sessions against a real coordinator.\n"
      "The same seed gives the same model, bit for bit, for any transport and thread count, and in process\n"
      "the same messages.");
  add_data_options(*command, *options);
  add_training_options(*command, options->experiment);
  add_model_options(*command, *options);
  add_protocol_options(*command, options->experiment);
  add_coordinator_options(*command, options->experiment.external);
  command->add_option("--task-name", options->experiment.task.name, "Name of the task at the coordinator")
      ->capture_default_str();
  command
      ->add_option_function<std::uint64_t>(
          "--seed", [options](std::uint64_t seed) { options->data.seed = options->experiment.seed = seed; },
          "Data, partition, selection, drop-outs, training and rounding; in process keys and session ids too "
          "[0]")
      ->type_name("UINT");
  command->add_option("--threads", options->experiment.threads, "For training and unmasking")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--local-baseline", options->experiment.local_baseline_devices,
                      "Also train this many devices alone, for comparison");
  command->add_flag("--central-baseline", options->experiment.central_baseline,
                    "Also train on all devices' examples in one place, for comparison");
  command->add_option("--json", options->json_file,
                      "Write the results as JSON to this file; - for standard output");
  command->add_option("--report", options->report_file,
                      "Write the results as a self-contained HTML page to this file; - for standard output");
  command->add_flag("--quiet", options->quiet, "Print errors only");
  command->footer(
      "Examples:\n"
      "  sotto simulate motion --rounds 20 --report report.html\n"
      "  sotto simulate motion --devices 100 --dropout 0.1 --transport grpc\n"
      "  sotto simulate motion --model M.tflite --rounds 20 --local-baseline 20\n"
      "  sotto simulate har --data DIR --rounds 100 --aggregation float --json results.json");
  command->callback([options, command, &exit_code] { exit_code = simulate(*options, *command); });
}

}  // namespace sotto::cli
