// `sotto image run` and `sotto image bench`: a model on this machine, with the bits it has on a board.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "commands.h"
#include "image_file.h"
#include "output.h"
#include "places.h"

namespace sotto::cli {
namespace {

using device::HostModel;
using model_compiler::Target;

struct RunOptions {
  std::string model;
  std::string input, output;
  std::string logits, layers_crc;
  std::uint32_t count = 200;
  bool json = false;
};

// What the operators of one run put out.
class LayerRecord {
 public:
  explicit LayerRecord(HostModel& model) {
    model.observe([this](const sotto_operator_profile& profile) { add(profile); });
  }

  void start(std::size_t input) { input_ = input; }
  // "input operator NAME bytes crc32", a line for each operator.
  [[nodiscard]] const std::string& crc_lines() const { return crc_lines_; }
  // The outputs before SOFTMAX, or of the last operator of a model without it.
  [[nodiscard]] std::string logits() const { return before_softmax_.empty() ? last_ : before_softmax_; }

 private:
  void add(const sotto_operator_profile& profile) {
    const auto* bytes = static_cast<const std::uint8_t*>(profile.output);
    const std::string name = model_compiler::operator_name(profile.source_operator);
    if (name == "SOFTMAX") {
      before_softmax_ = last_;
    }
    last_.assign(bytes, bytes + profile.output_bytes);
    char line[96];
    std::snprintf(line, sizeof line, "%zu %u %s %u %08x\n", input_, profile.source_index, name.c_str(),
                  profile.output_bytes, model_compiler::crc32({bytes, profile.output_bytes}));
    crc_lines_ += line;
  }

  std::size_t input_ = 0;
  std::string crc_lines_, last_, before_softmax_;
};

struct RunResults {
  std::string outputs;
  std::string logits;
};

Status write_results(const Outputs& places, const RunOptions& options, const RunResults& results,
                     const LayerRecord& layers) {
  SOTTO_RETURN_IF_ERROR(places.write(options.output, text_bytes(results.outputs)));
  SOTTO_RETURN_IF_ERROR(places.write(options.logits, text_bytes(results.logits)));
  return places.write(options.layers_crc, text_bytes(layers.crc_lines()));
}

ExitCode run_model(const RunOptions& options) {
  const auto places = Outputs::open({options.output, options.logits, options.layers_crc}, {options.model});
  if (!places) return report_error(places.error());
  auto model = open_model_file(options.model, Target::kHost);
  if (!model) return report_error(model.error());
  const auto inputs = read_file(options.input);
  if (!inputs) return report_error(inputs.error());
  const std::size_t bytes = model->input_bytes();
  if (inputs->empty() || inputs->size() % bytes != 0) {
    return report_error(invalid_argument(
        fmt::format("{} has {} bytes; the model takes {} for each input, one input after the other",
                    options.input, inputs->size(), bytes)));
  }
  LayerRecord layers(*model);
  RunResults results;
  std::vector<std::uint8_t> output(model->output_bytes());
  for (std::size_t i = 0; i < inputs->size() / bytes; ++i) {
    layers.start(i);
    model->run(Bytes(*inputs).subspan(i * bytes, bytes), output);
    results.outputs.append(output.begin(), output.end());
    results.logits += layers.logits();
  }
  const Status status = write_results(*places, options, results, layers);
  if (!status.ok()) return report_error(status);
  std::printf("ran %zu inputs; wrote %s\n", inputs->size() / bytes, options.output.c_str());
  return ExitCode::kDone;
}

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint32_t now_ns(void*) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

std::vector<std::uint8_t> random_input(std::size_t bytes) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> input(bytes);
  for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random());
  return input;
}

struct Timing {
  double least_us = 0, median_us = 0;
};

Timing time_runs(HostModel& model, std::uint32_t count) {
  const auto input = random_input(model.input_bytes());
  std::vector<std::uint8_t> output(model.output_bytes());
  std::vector<double> times;
  for (std::uint32_t i = 0; i < count; ++i) {
    const double before = now_us();
    model.run(input, output);
    times.push_back(now_us() - before);
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

struct OperatorTime {
  std::string name;
  std::uint32_t source_index = 0, multiply_accumulates = 0, least_ns = UINT32_MAX;
};

// The least time of each operator over `count` runs.
std::vector<OperatorTime> time_operators(HostModel& model, std::uint32_t count) {
  std::vector<OperatorTime> operators;
  model.observe(
      [&operators](const sotto_operator_profile& profile) {
        if (operators.size() <= profile.index) operators.resize(profile.index + 1);
        OperatorTime& op = operators[profile.index];
        op.name = model_compiler::operator_name(profile.source_operator);
        op.source_index = profile.source_index;
        op.multiply_accumulates = profile.multiply_accumulates;
        op.least_ns = std::min(op.least_ns, profile.ticks);
      },
      now_ns);
  time_runs(model, count);
  model.observe({});
  return operators;
}

nlohmann::json to_json(const Timing& timing) {
  return {{"least_us", timing.least_us}, {"median_us", timing.median_us}};
}

void print_operator_times(const std::vector<OperatorTime>& operators) {
  std::vector<std::vector<std::string>> rows = {{"OPERATOR", "NAME", "LEAST us", "MULTIPLY-ADDS", "PER ns"}};
  for (const OperatorTime& op : operators) {
    const double rate = op.least_ns == 0 ? 0 : static_cast<double>(op.multiply_accumulates) / op.least_ns;
    rows.push_back({std::to_string(op.source_index), op.name, decimal(op.least_ns / 1000.0, 1),
                    std::to_string(op.multiply_accumulates), decimal(rate, 2)});
  }
  print_table(rows);
}

ExitCode bench_model(const RunOptions& options) {
  auto host = open_model_file(options.model, Target::kHost);
  if (!host) return report_error(host.error());
  auto portable = open_model_file(options.model, Target::kPortable);
  if (!portable) return report_error(portable.error());
  const Timing fast = time_runs(*host, options.count);
  const Timing plain = time_runs(*portable, options.count);
  const auto operators = time_operators(*host, options.count);
  if (options.json) {
    nlohmann::json array = nlohmann::json::array();
    for (const OperatorTime& op : operators) {
      array.push_back({{"index", op.source_index},
                       {"name", op.name},
                       {"least_ns", op.least_ns},
                       {"multiply_accumulates", op.multiply_accumulates}});
    }
    print_json({{"runs", options.count},
                {"host", to_json(fast)},
                {"portable", to_json(plain)},
                {"operators", array}});
    return ExitCode::kDone;
  }
  print_operator_times(operators);
  std::printf("\none inference over %u runs: least %.1f us, median %.1f us\n", options.count, fast.least_us,
              fast.median_us);
  std::printf("portable kernels:            least %.1f us, median %.1f us\n", plain.least_us,
              plain.median_us);
  return ExitCode::kDone;
}

}  // namespace

void add_image_run_commands(CLI::App& image, ExitCode& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* runner = image.add_subcommand("run", "Run a .tflite or a model image on this machine");
  runner->add_option("model", options->model, "The .tflite file or the model image")
      ->check(readable_file())
      ->required();
  runner->add_option("--input", options->input, "Raw inputs, one after the other")
      ->check(readable_file())
      ->required();
  runner
      ->add_option("--output", options->output,
                   "File to write: raw outputs, one after the other; - for standard output")
      ->required();
  runner->add_option("--logits", options->logits,
                     "File to write: what SOFTMAX reads, or the outputs without it");
  runner->add_option("--layers-crc", options->layers_crc,
                     "File to write: a line 'input operator NAME bytes crc32' for each operator's output");
  runner->callback([options, &exit_code] { exit_code = run_model(*options); });

  CLI::App* bench =
      image.add_subcommand("bench", "How long a model takes on this machine, operator by operator");
  bench->add_option("model", options->model, "The .tflite file or the model image")
      ->check(readable_file())
      ->required();
  bench->add_option("--count", options->count, "Runs")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  bench->add_flag("--json", options->json, "JSON instead of text");
  bench->callback([options, &exit_code] { exit_code = bench_model(*options); });
}

}  // namespace sotto::cli
