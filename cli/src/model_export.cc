#include "model_export.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "administration.h"
#include "head_model.h"
#include "image_file.h"
#include "output.h"
#include "places.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_compiler/model_export.h"
#include "sotto/simulation/npy.h"
#include "steering.h"

namespace sotto::cli {
namespace {

using Buffer = std::vector<std::uint8_t>;

enum class Form { kParameters, kTflite };
const std::map<std::string, Form> kForms = {{"parameters", Form::kParameters}, {"tflite", Form::kTflite}};

struct ExportOptions {
  AdministrationOptions administration;
  std::string task;
  std::string version = "latest";
  std::string parameters;  // a file in the place of a task
  std::string into;        // the .tflite whose head it is
  Form form = Form::kParameters;
  sotto_head_form head_form = SOTTO_HEAD_FLOAT32;
  std::string output;

  [[nodiscard]] bool is_tflite() const { return form == Form::kTflite || !into.empty(); }
};

// A task's version, or a file of parameters.
struct Learned {
  std::optional<proto::ModelSpec> model{};     // of a task
  std::optional<proto::ModelRecord> record{};  // likewise
  Buffer bytes{};                              // little-endian float32
};

std::vector<float> values_of(const Buffer& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  ByteReader reader(bytes);
  for (float& value : values) value = reader.f32();
  return values;
}

Result<Learned> read_parameters(const std::string& path) {
  constexpr std::string_view kNpy = "\x93NUMPY";
  auto content = read_file(path);
  if (!content) return content.error();
  if (content->size() >= kNpy.size() && bytes_text(Bytes(*content).first(kNpy.size())) == kNpy) {
    const auto array = simulation::decode_npy<float>(*content, path);
    if (!array) return array.error();
    content->resize(array->values.size() * sizeof(float));
    ByteWriter writer(*content);
    for (const float value : array->values) writer.f32(value);
  }
  if (content->empty() || content->size() % sizeof(float) != 0) {
    return invalid_argument(
        fmt::format("{} has {} bytes: parameters are float32, little-endian, four bytes each, or a .npy file "
                    "of them",
                    path, content->size()));
  }
  return Learned{.bytes = std::move(*content)};
}

Result<Learned> fetch_learned(const ExportOptions& options) {
  auto client = connect(options.administration);
  if (!client) return client.error();
  auto record = find_model(**client, options.task, options.version);
  if (!record) return record.error();
  Learned learned{.record = std::move(*record)};
  if (options.is_tflite()) {
    const auto task = find_task(**client, options.task);
    if (!task) return task.error();
    learned.model = task->spec.model;
  }
  auto bytes = (*client)->fetch_model(*learned.record);
  if (!bytes) return bytes.error();
  learned.bytes = std::move(*bytes);
  return learned;
}

// A task of a head says by its name which file's it is.
Status check_source(const ExportOptions& options, const Learned& learned, const Buffer& tflite) {
  if (!learned.model) return {};
  const std::string_view name = learned.model->name.view();
  const std::string own = client::head_model_name(model_compiler::crc32(tflite));
  if (name.empty()) {
    return invalid_argument(
        fmt::format("task '{}' trains a model of its own, not the head of a file: export it with --format "
                    "tflite, without "
                    "--into",
                    options.task));
  }
  if (name.starts_with("head-") && name != own) {
    return invalid_argument(
        fmt::format("task '{}' trains '{}', but {} is '{}': give the .tflite file that its devices have",
                    options.task, name, options.into, own));
  }
  return {};
}

Result<Buffer> export_into(const ExportOptions& options, const Learned& learned) {
  const auto tflite = read_file(options.into);
  if (!tflite) return tflite.error();
  if (!is_tflite(*tflite)) {
    return invalid_argument(
        options.into + " is no .tflite file; a head is written into the file that the image was made of");
  }
  SOTTO_RETURN_IF_ERROR(check_source(options, learned, *tflite));
  auto file = model_compiler::export_head(*tflite, values_of(learned.bytes), options.head_form);
  if (!file) return file.error().with_context(options.into);
  return file;
}

Result<Buffer> export_built_in(const ExportOptions& options, const Learned& learned) {
  if (!learned.model) {
    return invalid_argument(
        "parameters alone do not say whose they are: name the .tflite file of which they are the head with "
        "--into");
  }
  const proto::ModelSpec& model = *learned.model;
  if (model.architecture == proto::Architecture::kCustom) {
    return invalid_argument(fmt::format(
        "the model of task '{}' is custom: name the .tflite file of which it is the head with --into",
        options.task));
  }
  std::vector<std::uint32_t> widths = {model.features};
  widths.insert(widths.end(), model.hidden.begin(), model.hidden.end());
  widths.push_back(model.classes);
  return model_compiler::export_dense(
      widths, values_of(learned.bytes),
      fmt::format("sotto task {} version {}", options.task, learned.record->version.value));
}

Result<Buffer> content_of(const ExportOptions& options, const Learned& learned) {
  if (!options.into.empty()) return export_into(options, learned);
  if (options.form == Form::kTflite) return export_built_in(options, learned);
  return learned.bytes;
}

void report(const ExportOptions& options, const Learned& learned, const Buffer& content) {
  const std::string what = learned.record
                               ? fmt::format("model v{} of {}", learned.record->version.value, options.task)
                               : options.parameters;
  if (options.administration.json) {
    nlohmann::json json = learned.record ? to_json(*learned.record) : nlohmann::json::object();
    json["file"] = options.output;
    json["file_bytes"] = content.size();
    print_json(json);
  } else if (options.is_tflite()) {
    std::printf("wrote %s as a .tflite file of %zu bytes to %s\n", what.c_str(), content.size(),
                options.output.c_str());
  } else {
    std::printf("wrote %s, %zu little-endian float32 parameters, to %s\n", what.c_str(), content.size() / 4,
                options.output.c_str());
  }
}

ExitCode export_model(const ExportOptions& options) {
  if (options.task.empty() == options.parameters.empty()) {
    return report_error(
        invalid_argument("name what to export: a task, or with --parameters a file of its parameters"));
  }
  const auto outputs = Outputs::open({options.output}, {options.parameters});
  if (!outputs) return report_error(outputs.error());
  const auto learned = options.task.empty() ? read_parameters(options.parameters) : fetch_learned(options);
  if (!learned) return report_error(learned.error());
  const auto content = content_of(options, *learned);
  if (!content) return report_error(content.error());
  if (const Status status = outputs->write(options.output, *content); !status.ok())
    return report_error(status);
  report(options, *learned, *content);
  return ExitCode::kDone;
}

}  // namespace

void add_model_export_command(CLI::App& model, ExitCode& exit_code) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command =
      model.add_subcommand("export", "Write a version to a file, as parameters or as a .tflite");
  command->add_option("task", options->task, "The task's name");
  add_administration_options(*command, options->administration);
  command->add_option("--version", options->version, "Number, or latest")->capture_default_str();
  command
      ->add_option("--parameters", options->parameters,
                   "A file in the place of a task: float32, little-endian, or .npy")
      ->check(readable_file());
  command
      ->add_option("--format", options->form,
                   "parameters (little-endian float32), or tflite [parameters; with --into tflite]")
      ->transform(CLI::CheckedTransformer(kForms));
  command
      ->add_option("--into", options->into,
                   "Of a head: the .tflite file to write it into; another is written")
      ->check(readable_file());
  command
      ->add_option("--head-form", options->head_form,
                   "How boards keep the head while it learns: float32, int8 or biases [float32]")
      ->transform(CLI::CheckedTransformer(head_forms<sotto_head_form>()));
  command->add_option("--output", options->output, "The file to write; - for standard output")->required();
  command->callback([options, &exit_code] { exit_code = export_model(*options); });
}

}  // namespace sotto::cli
