// `sotto image inspect` and `sotto image compile`: what a .tflite needs on a board, and the image of it.
#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "image_file.h"
#include "image_head.h"
#include "output.h"
#include "places.h"
#include "sotto/model_compiler/boards.h"

namespace sotto::cli {
namespace {

using model_compiler::Board;
using model_compiler::CompiledModel;
using model_compiler::CompileReport;
using model_compiler::Estimate;
using model_compiler::Target;

struct CompileOptions {
  std::string model;
  std::string output;
  Target target = Target::kPortable;
  std::string board;  // whose target it is, or ""
  bool json = false;
  bool c_array = false;
  HeadOptions head;
};

nlohmann::json operators_json(const CompileReport& report) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& op : report.operators) {
    array.push_back({{"index", op.source_index},
                     {"name", op.name},
                     {"kernel", op.kernel},
                     {"output_shape", op.output_shape},
                     {"multiply_accumulates", op.multiply_accumulates},
                     {"constant_bytes", op.constant_bytes},
                     {"output_offset", op.output_offset},
                     {"scratch_bytes", op.scratch_bytes}});
  }
  return array;
}

// What a model needs with the kernels of each target, and on one board.
struct BoardReport {
  const Board* board;
  bool fits;
  Estimate estimate;
};

// Of the board that was asked for, or of all.
Result<std::vector<BoardReport>> report_boards(const CompileOptions& options) {
  std::map<Target, CompileReport> reports;
  std::vector<BoardReport> found;
  for (const Board& board : model_compiler::known_boards()) {
    if (!options.board.empty() && options.board != board.key) continue;
    if (!reports.contains(board.target)) {
      auto compiled = compile_file(options.model, board.target);
      if (!compiled) return compiled.error();
      reports[board.target] = std::move(compiled->report);
    }
    const CompileReport& report = reports[board.target];
    found.push_back({&board, model_compiler::fits(board, report), model_compiler::estimate(board, report)});
  }
  return found;
}

nlohmann::json boards_json(const std::vector<BoardReport>& boards) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& [board, fits, estimate] : boards) {
    nlohmann::json row = {{"key", board->key},
                          {"name", board->name},
                          {"processor", board->processor},
                          {"ram_bytes", board->ram_bytes},
                          {"flash_bytes", board->flash_bytes},
                          {"fits", fits},
                          {"estimated_instructions", std::llround(estimate.instructions)},
                          {"estimated_seconds", estimate.seconds},
                          {"estimated_millijoules", nullptr}};
    if (estimate.millijoules) row["estimated_millijoules"] = *estimate.millijoules;
    array.push_back(std::move(row));
  }
  return array;
}

nlohmann::json report_json(const CompileReport& report) {
  nlohmann::json head;
  if (report.head) {
    head = {{"operator", report.head->operator_index},
            {"features", report.head->feature_count},
            {"outputs", report.head->output_count}};
  }
  return {{"arena_bytes", report.arena_bytes},
          {"arena_lower_bound_bytes", report.state_bytes + report.activation_lower_bound_bytes},
          {"activation_bytes", report.activation_bytes},
          {"state_bytes", report.state_bytes},
          {"kept_bytes", report.kept_bytes},
          {"max_live_bytes", report.max_live_bytes},
          {"image_bytes", report.image_bytes},
          {"parameters", report.parameter_count},
          {"operators", operators_json(report)},
          {"kernels", report.kernels},
          {"head", head}};
}

std::string shape_text(const std::vector<std::uint32_t>& shape) {
  std::string text;
  for (const std::uint32_t dimension : shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text;
}

void print_operators(const CompileReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"OPERATOR", "NAME", "OUTPUT", "MULTIPLY-ADDS", "CONSTANT BYTES", "AT", "SCRATCH", "KERNEL"}};
  for (const auto& op : report.operators) {
    rows.push_back({std::to_string(op.source_index), op.name, shape_text(op.output_shape),
                    std::to_string(op.multiply_accumulates), std::to_string(op.constant_bytes),
                    std::to_string(op.output_offset), std::to_string(op.scratch_bytes), op.kernel});
  }
  print_table(rows);
}

void print_memory(const CompileReport& report) {
  std::printf("\nRAM    %8u bytes of arena: %u of tensors and scratch, %u of state\n", report.arena_bytes,
              report.activation_bytes, report.state_bytes);
  if (report.kept_bytes != 0)
    std::printf("       %8u of them live on from run to run: the model streams\n", report.kept_bytes);
  std::printf("       %8u is the lower bound for these kernels; without overlap it would be %u\n",
              report.state_bytes + report.activation_lower_bound_bytes,
              report.state_bytes + report.max_live_bytes);
  std::printf("flash  %8u bytes of image, with %llu parameters, and the runtime with %zu kernels\n",
              report.image_bytes, static_cast<unsigned long long>(report.parameter_count),
              report.kernels.size());
  if (report.head) {
    std::printf("head   operator %u: %u features to %u outputs\n", report.head->operator_index,
                report.head->feature_count, report.head->output_count);
  } else {
    std::printf("head   none: the model does not end in a fully connected layer\n");
  }
}

void print_boards(const std::vector<BoardReport>& boards) {
  std::printf("\nwith %u KiB of flash and %u KiB of RAM left to runtime, application and stack;\n",
              model_compiler::kFlashReserveBytes / 1024, model_compiler::kRamReserveBytes / 1024);
  std::printf("milliseconds and millijoules of an inference are an estimate, not measured on the board:\n");
  std::vector<std::vector<std::string>> rows = {
      {"BOARD", "NAME", "PROCESSOR", "RAM KiB", "FLASH KiB", "FITS", "ms", "mJ"}};
  for (const auto& [board, fits, estimate] : boards) {
    rows.push_back({board->key, board->name, board->processor, std::to_string(board->ram_bytes / 1024),
                    std::to_string(board->flash_bytes / 1024), fits ? "yes" : "no",
                    fmt::format("{:.3g}", estimate.seconds * 1e3),
                    estimate.millijoules ? fmt::format("{:.2g}", *estimate.millijoules) : "-"});
  }
  print_table(rows);
}

ExitCode inspect(const CompileOptions& options) {
  const auto compiled = compile_file(options.model, options.target);
  if (!compiled) return report_error(compiled.error());
  const auto boards = report_boards(options);
  if (!boards) return report_error(boards.error());
  if (options.json) {
    nlohmann::json json = report_json(compiled->report);
    json["boards"] = boards_json(*boards);
    json["training"] = training_json(compiled->image, options.head);
    print_json(json);
    return ExitCode::kDone;
  }
  print_operators(compiled->report);
  print_memory(compiled->report);
  print_training(compiled->image, options.head);
  print_boards(*boards);
  return ExitCode::kDone;
}

// The output's name as a C identifier.
std::string identifier(const std::string& path) {
  std::string name;
  for (const char c : std::filesystem::path(path).stem().string()) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += is_word ? c : '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, "model_");
  return name;
}

// The image, its arena size and the table of its kernels, to be compiled into firmware or included once.
std::string c_source(const std::string& name, const CompiledModel& model) {
  std::string text = "/* A model image. Open it with\n *   sotto_model_open(" + name + ", sizeof " + name +
                     ", arena, sizeof arena, &" + name + "_kernels, &model);\n */\n";
  text += "#include <stdint.h>\n\n#include \"sotto/device_runtime/sotto_device.h\"\n\n";
  text += fmt::format("enum {{ {}_arena_bytes = {} }};\n\n", name, model.report.arena_bytes);
  for (const std::string& kernel : model.report.kernels)
    text += "extern const sotto_kernel " + kernel + ";\n";
  text += "static const sotto_kernel* const " + name + "_kernel_list[] = {\n";
  for (const std::string& kernel : model.report.kernels) text += "    &" + kernel + ",\n";
  text += fmt::format("}};\nconst sotto_kernel_table {}_kernels = {{{}_kernel_list, {}}};\n\n", name, name,
                      model.report.kernels.size());
  text += fmt::format("__attribute__((aligned(SOTTO_ALIGNMENT))) const uint8_t {}[{}] = {{", name,
                      model.image.size());
  for (std::size_t i = 0; i < model.image.size(); ++i) {
    text += fmt::format("{}{},", (i % 24 == 0 ? "\n    " : ""), model.image[i]);
  }
  return text + "\n};\n";
}

ExitCode compile(const CompileOptions& options) {
  const auto outputs = Outputs::open({options.output}, {options.model});
  if (!outputs) return report_error(outputs.error());
  const auto compiled = compile_file(options.model, options.target);
  if (!compiled) return report_error(compiled.error());
  const std::string content = options.c_array ? c_source(identifier(options.output), *compiled)
                                              : std::string(compiled->image.begin(), compiled->image.end());
  const Status written = outputs->write(options.output, text_bytes(content));
  if (!written.ok()) return report_error(written);
  if (options.json) {
    nlohmann::json json = report_json(compiled->report);
    json["file"] = options.output;
    print_json(json);
  } else {
    std::printf("wrote %s: %u bytes of flash, %u bytes of arena\n", options.output.c_str(),
                compiled->report.image_bytes, compiled->report.arena_bytes);
  }
  return ExitCode::kDone;
}

void choose_board(CompileOptions& options, const std::string& key) {
  const Board* board = model_compiler::find_board(key);
  if (board == nullptr) {
    std::string keys;
    for (const Board& known : model_compiler::known_boards()) keys += fmt::format(" {}", known.key);
    throw CLI::ValidationError("--board", fmt::format("there is no board {}; known are{}", key, keys));
  }
  options.board = key;
  options.target = board->target;
}

CLI::App* add_compile_subcommand(CLI::App& image, const std::shared_ptr<CompileOptions>& options,
                                 const char* name, const char* help) {
  CLI::App* sub = image.add_subcommand(name, help);
  sub->add_option("model", options->model, "The .tflite file, quantised to int8")
      ->check(readable_file())
      ->required();
  CLI::Option* target =
      sub->add_option("--target", options->target,
                      "Kernels that will run it: they decide the layout of weights [portable]")
          ->transform(CLI::CheckedTransformer(image_targets()))
          ->type_name("portable|cortex-m-dsp|helium|host");
  sub->add_option_function<std::string>(
         "--board", [options](const std::string& key) { choose_board(*options, key); },
         "The board that will run it, by its key in the table of `sotto image inspect`")
      ->type_name("KEY")
      ->excludes(target);
  sub->add_flag("--json", options->json, "JSON instead of text");
  return sub;
}

}  // namespace

void add_image_compile_commands(CLI::App& image, ExitCode& exit_code) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App* inspector =
      add_compile_subcommand(image, options, "inspect",
                             "What a .tflite needs on a board: operators, RAM, flash, which boards it fits");
  options->head.add_to(*inspector);
  inspector->callback([options, &exit_code] { exit_code = inspect(*options); });
  CLI::App* compiler = add_compile_subcommand(image, options, "compile",
                                              "Turn a .tflite into the image that boards run in place");
  compiler->add_option("-o,--output", options->output, "File to write; - for standard output")->required();
  compiler->add_flag("--c-array", options->c_array,
                     "Write C source instead: the image, its arena size, the table of its kernels");
  compiler->callback([options, &exit_code] { exit_code = compile(*options); });
}

void add_image_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("image", "Model images: compiled models that boards run in place")
                          ->require_subcommand(1);
  add_image_compile_commands(*command, exit_code);
  add_image_run_commands(*command, exit_code);
}

}  // namespace sotto::cli
