// .tflite files from anywhere: refused with a sentence, or compiled to images that open, run within their
// memory, and give the same bits for every target.
#include <string>

#include "fuzz/sound_models.h"
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_compiler/model_export.h"

namespace {

using namespace sotto;
using model_compiler::Target;

// A model that compiles may still be larger than is worth running thousands of times a second.
constexpr std::uint32_t kArenaBytesMax = 1u << 20;
constexpr std::uint64_t kMultiplyAccumulatesMax = 1u << 20;

bool is_worth_running(const model_compiler::CompileReport& report) {
  std::uint64_t work = 0;
  for (const auto& op : report.operators) work += op.multiply_accumulates;
  return report.arena_bytes <= kArenaBytesMax && work <= kMultiplyAccumulatesMax;
}

std::vector<std::uint8_t> run(const std::vector<std::uint8_t>& image) {
  auto model = device::HostModel::open(image);
  SOTTO_CHECK(model.has_value());  // what the compiler wrote is sound
  std::vector<std::uint8_t> input(model->input_bytes());
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i * 37);
  std::vector<std::uint8_t> output(model->output_bytes());
  model->run(input, output);
  return output;
}

// Another head for it is written or refused, and what is written compiles.
void export_head_of(const std::vector<std::uint8_t>& file, const model_compiler::CompileReport& report) {
  if (!report.head) return;
  std::vector<float> parameters(std::size_t{report.head->feature_count + 1} * report.head->output_count);
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] = static_cast<float>(i % 7) - 3;
  for (const auto form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_BIASES}) {
    const auto exported = model_compiler::export_head(file, parameters, form);
    SOTTO_CHECK(exported ? model_compiler::compile(*exported, {}).has_value()
                         : exported.error().code() == StatusCode::kInvalidArgument);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  std::vector<std::uint8_t> file;
  if (input.chance(32)) {
    file = input.rest();
  } else {
    file = fuzz::sound_models()[input.below(fuzz::sound_models().size())];
    fuzz::mutate(input, file);
  }
  const auto compiled = model_compiler::compile(file, {Target::kPortable});
  if (!compiled) {
    SOTTO_CHECK(compiled.error().code() == StatusCode::kInvalidArgument &&
                !compiled.error().message().empty());
    return 0;
  }
  SOTTO_CHECK(compiled->report.image_bytes == compiled->image.size());
  if (!is_worth_running(compiled->report)) return 0;
  export_head_of(file, compiled->report);
  const auto outputs = run(compiled->image);
  for (const Target target : {Target::kCortexMDsp, Target::kHost}) {
    const auto other = model_compiler::compile(file, {target});
    SOTTO_CHECK(other.has_value() && run(other->image) == outputs);
  }
  return 0;
}
