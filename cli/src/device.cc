#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "commands.h"
#include "device_updates.h"
#include "head_model.h"
#include "output.h"
#include "places.h"
#include "private_process.h"
#include "sotto/base/limits.h"
#include "sotto/client/client.h"
#include "sotto/simulation/data_set.h"

namespace sotto::cli {
namespace {

struct DeviceRunOptions {
  client::DeviceOptions device;
  std::string data;
  std::string model;  // whose head is trained; empty: built-in trainers
  client::HeadForm head_form = client::HeadForm::kFloat32;
  std::uint32_t rounds = 0;
  bool json = false;
  bool quiet = false;
  PrivateProcess process;
  DeviceUpdateOptions updates;
};

client::Device* running_device = nullptr;  // for the signal handler, which can be handed nothing else
volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
  stop_requested = 1;
  if (running_device != nullptr) running_device->stop();
}

// The library speaks of its options' fields; whoever typed flags reads flags. Only words of their own are
// meant, not parts of a path.
std::string in_flags(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kFlags[] = {
      {"ca_file", "--ca"},
      {"ledger_file", "--ledger"},
      {"identity_file", "--identity"},
      {"state_file", "--state"},
      {"bulletin_file", "--bulletin"},
      {"helper_key_file", "--helper-key"},
      {"device_id", "--id"},
      {"parameters_max", "--parameters-max"},
      {"allow_curious", "--allow-curious"},
      {"allow_unmasked", "--allow-unmasked"},
      {"coordinator is \"", "--coordinator is \""},
      {"population is \"", "--population is \""}};
  for (const auto& [field, flag] : kFlags) {
    const std::size_t at = text.find(field);
    if (at == std::string::npos || (at > 0 && text[at - 1] != ' ')) continue;
    const std::size_t end = at + field.size();
    if (field.back() == '"' || end == text.size() || text[end] == ' ' || text[end] == ':') {
      text.replace(at, field.size(), flag);
    }
  }
  return text;
}

ExitCode report_in_flags(const Status& status) {
  return report_error(Status(status.code(), in_flags(status.message())));
}

// A first call that does not get through is most often a wrong address: said even with --quiet.
void say_unreachable(const client::DeviceOptions& device, const Status& status) {
  const bool direct = device.gateway.empty();
  const std::string& address = direct ? device.coordinator : device.gateway;
  std::string why = status.message();
  if (why.starts_with(address + " ")) why.replace(0, address.size(), "it");
  if (const std::size_t at = why.find(" to " + address); at != std::string::npos) {
    why.erase(at, address.size() + 4);
  }
  std::fprintf(stderr, "sotto: cannot reach the %s at %s: %s; trying again\n",
               direct ? "coordinator" : "coordinator by the gateway", address.c_str(),
               terminal_text(why).c_str());
}

// The signals that end a device, in a clean way. SIGHUP is one of them: a device has no options that it could
// take over while it runs, and whoever closes its terminal has started it there; under nohup it stays
// ignored. A reader of its output that goes away ends nothing.
void catch_signals(void (*handler)(int)) {
  std::signal(SIGINT, handler);
  std::signal(SIGTERM, handler);
  if (std::signal(SIGHUP, handler) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

void print_participation(const client::Participation& part, bool json) {
  if (json) {
    const nlohmann::json line = {{"counted", part.counted},
                                 {"outcome", part.outcome},
                                 {"error", part.status.ok() ? "" : in_flags(part.status.message())},
                                 {"uplink_bytes", part.uplink_bytes}};
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;  // bytes of a path, for instance
    std::printf("%s\n", line.dump(-1, ' ', false, kReplace).c_str());
  } else {
    std::printf("%s: %s\n", part.counted ? "counted" : "not counted",
                terminal_text(part.status.ok() ? part.outcome : in_flags(part.status.message())).c_str());
  }
  std::fflush(stdout);
}

// Errors that trying again cannot mend. A plan that is refused is the mistake of whoever made its task, and
// can be mended while this device runs.
bool is_final(const client::Participation& part) {
  const StatusCode code = part.status.code();
  return !part.plan_refused &&
         (code == StatusCode::kPermissionDenied || code == StatusCode::kInvalidArgument);
}

// Either the coordinator itself, or a gateway that knows it.
void add_coordinator_options(CLI::App& run, const std::shared_ptr<DeviceRunOptions>& options) {
  auto* coordinator =
      run.add_option("--coordinator", options->device.coordinator, "HOST:PORT")->check(peer_address());
  auto* certificate = run.add_option("--ca", options->device.ca_file,
                                     "The coordinator's CA certificate; `sotto serve` prints where it is")
                          ->check(readable_file());
  run.add_option("--gateway", options->device.gateway,
                 "HOST:PORT of a `sotto gateway`, in the place of --coordinator and --ca")
      ->check(peer_address())
      ->excludes(coordinator)
      ->excludes(certificate);
}

// As CLI11 would say it: a callback may, too.
void require_coordinator(const client::DeviceOptions& device) {
  if (!device.gateway.empty()) return;
  if (device.coordinator.empty()) throw CLI::RequiredError("--coordinator");
  if (device.ca_file.empty()) throw CLI::RequiredError("--ca");
}

void add_ledger_options(CLI::App& run, DeviceRunOptions& options) {
  client::LedgerBudgets& budgets = options.device.budgets;
  run.add_option("--ledger", options.device.ledger_file,
                 "File of what left this device, which old plans and the budgets below are held against "
                 "[the identity file's name and .ledger]");
  run.add_option(
         "--vectors-per-task", budgets.vectors_per_task,
         "How many vectors may leave for one task, ever: so many sums hold this device's data at most")
      ->check(CLI::Range(1u, UINT32_MAX))
      ->capture_default_str();
  run.add_option("--vectors-per-period", budgets.vectors_per_period,
                 "How many vectors may leave in a period, whatever the task")
      ->check(CLI::Range(1u, UINT32_MAX))
      ->capture_default_str();
  run.add_option("--ledger-period", budgets.period_s, "The period, in seconds; a day, unless told otherwise")
      ->check(CLI::Range(1u, UINT32_MAX))
      ->capture_default_str();
}

// A device's examples and what trains on them. Nothing in it moves once it is made: the trainer knows where
// the rest is.
struct Learner {
  client::Examples examples;
  std::optional<client::HeadModel> head;
  client::HeadSamples samples;
  std::unique_ptr<client::Trainer> trainer;
};

// The layers before the head run here, once for each example.
Status make_head_learner(const DeviceRunOptions& options, Learner& learner) {
  const auto file = read_model_file(options.model);
  if (!file) return file.error();
  auto head = client::HeadModel::open(*file, options.head_form);
  if (!head) return head.error().with_context(options.model);
  learner.head = std::move(*head);
  auto samples = learner.head->prepare(learner.examples);
  if (!samples) return samples.error().with_context(options.data + " for " + options.model);
  learner.samples = std::move(*samples);
  learner.trainer = client::make_head_trainer(*learner.head, learner.samples);
  return {};
}

Result<std::unique_ptr<Learner>> make_learner(const DeviceRunOptions& options) {
  auto examples = simulation::load_examples(options.data);
  if (!examples) return examples.error();
  auto learner = std::make_unique<Learner>();
  learner->examples = std::move(*examples);
  if (options.model.empty()) {
    learner->trainer = client::make_builtin_trainer(learner->examples);
  } else {
    SOTTO_RETURN_IF_ERROR(make_head_learner(options, *learner));
  }
  return learner;
}

// Rounds until as many counted as were asked for, a signal comes, or nothing that comes later can help.
ExitCode take_part(client::Device& device, const DeviceRunOptions& options) {
  std::uint32_t counted = 0;
  std::string said;  // why the last plan was refused: once is enough
  while (stop_requested == 0 && (options.rounds == 0 || counted < options.rounds)) {
    const client::Participation part = device.take_part();
    if (stop_requested != 0) break;
    const std::string refused = part.plan_refused ? part.status.message() : "";
    // What ends the device is said once, as its error.
    const bool said_before = !refused.empty() && refused == said;
    if (options.json || !(said_before || is_final(part))) print_participation(part, options.json);
    said = refused;
    if (part.counted) ++counted;
    if (is_final(part)) {
      const ExitCode failed = report_in_flags(part.status);
      return part.status.code() == StatusCode::kPermissionDenied ? ExitCode::kRefused : failed;
    }
  }
  return ExitCode::kDone;
}

void add_head_options(CLI::App& run, DeviceRunOptions& options) {
  run.add_option("--model", options.model,
                 "Train the head of this int8 .tflite file or model image, for tasks made by\n"
                 "`sotto task create --model` with the same file")
      ->check(readable_file());
  add_head_form_option(run, options.head_form)->needs("--model");
}

ExitCode run_device(DeviceRunOptions& options) {
  if (const Status status = make_process_private(options.process); !status.ok()) return report_error(status);
  if (options.device.ledger_file.empty() && !options.device.identity_file.empty()) {
    options.device.ledger_file = options.device.identity_file;
    options.device.ledger_file += ".ledger";
  }
  const auto learner = make_learner(options);
  if (!learner) return report_error(learner.error());
  const auto input = simulation::load_input_schema(options.data);
  if (!input) return report_error(input.error());
  options.device.input = *input;
  if (!options.quiet && !options.json) {
    options.device.progress = [](const std::string& text) {
      std::fprintf(stderr, "%s\n", terminal_text(in_flags(text)).c_str());
    };
  }
  options.device.unreachable = [&](const Status& status) { say_unreachable(options.device, status); };
  auto device = client::Device::connect(options.device, *(*learner)->trainer);
  if (!device) return report_in_flags(device.error());
  options.updates.json = options.json;
  options.updates.quiet = options.quiet;
  const auto updates = UpdateKeeper::start(options.updates, options.device);
  if (!updates) return report_in_flags(updates.error());
  running_device = &*device;
  catch_signals(request_stop);
  const ExitCode exit_code = take_part(*device, options);
  running_device = nullptr;
  return exit_code;
}

}  // namespace

void add_device_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command =
      app.add_subcommand("device", "Be a device of a fleet, or see what the coordinator knows of one")
          ->require_subcommand(1);
  auto options = std::make_shared<DeviceRunOptions>();
  CLI::App* run = command->add_subcommand(
      "run",
      "Train on a folder's examples and take part in the coordinator's rounds: with a built-in trainer, or\n"
      "with --model the head of a model, as boards train it.\n"
      "The folder holds x.npy (float32 [n][features]) and y.npy (uint8 [n]), and may have an input.json "
      "that\n"
      "says what they are, as a task's [input] does; `sotto dataset export` writes such folders.");
  keep(*run, options);
  add_coordinator_options(*run, options);
  run->add_option("--identity", options->device.identity_file,
                  "This device's identity file, from `sotto authority enroll`; without it only tasks "
                  "with adversary curious can be served")
      ->check(readable_file());
  run->add_option("--bulletin", options->device.bulletin_file,
                  "Where the authority's bulletin.pem is brought; the coordinator shows it, too");
  run->add_option("--id", options->device.device_id, "This device's name, unique in the fleet")->required();
  run->add_option("--population", options->device.population, "Which tasks it may serve")->required();
  run->add_option("--data", options->data, "Folder with the device's examples")
      ->check(existing_folder())
      ->required();
  add_head_options(*run, *options);
  run->add_option("--rounds", options->rounds, "Leave after so many counted rounds; 0: stay")
      ->capture_default_str();
  run->add_option("--parameters-max", options->device.parameters_max,
                  "Refuse models of more parameters: what this device has memory for")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{limits::kParametersMax}))
      ->capture_default_str();
  run->add_option("--state", options->device.state_file,
                  "File that lets a restarted device go on where it was");
  add_ledger_options(*run, *options);
  add_device_update_options(*run, options->updates);
  run->add_option("--cohort-min", options->device.cohort_min,
                  "Refuse smaller cohorts, whatever the plan says")
      ->check(CLI::Range(limits::kParticipantsMin, limits::kParticipantsMax))
      ->capture_default_str();
  run->add_option(
         "--helper-key", options->device.helper_key_files,
         "Public key of the mask helper that this device's owner trusts, helper-public.hex; without it "
         "one_shot tasks are\nrefused. Given twice: tasks must have these two helpers")
      ->check(readable_file())
      ->allow_extra_args(false);
  run->add_option("--corrupt-fraction-min", options->device.corrupt_fraction_min,
                  "Refuse tasks that withstand a smaller fraction of colluding devices")
      ->check(CLI::Range(0.0, 0.49))
      ->capture_default_str();
  run->add_option("--honest-min", options->device.honest_min,
                  "Refuse tasks that promise fewer honest devices in every sum")
      ->check(CLI::Range(2, static_cast<int>(limits::kParticipantsMax)))
      ->capture_default_str();
  run->add_flag("--allow-curious", options->device.allow_curious,
                "Serve tasks with adversary curious too: they trust the coordinator not to lie");
  run->add_flag("--allow-unmasked", options->device.allow_unmasked,
                "Serve plain and float tasks too: the coordinator then sees this device's update");
  run->add_flag("--json", options->json, "One line of JSON for each round");
  run->add_flag("--quiet", options->quiet, "No progress on standard error");
  add_private_process_option(*run, options->process);
  add_config_option(*run, "device");
  run->callback([options, &exit_code] {
    require_coordinator(options->device);
    exit_code = run_device(*options);
  });
  add_device_ledger_command(*command, exit_code);
  add_device_acts(*command, exit_code);
}

}  // namespace sotto::cli
