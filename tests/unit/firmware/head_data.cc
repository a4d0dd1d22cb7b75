// What a fleet of boards needs of a model whose head learns, as tests and scripts/firmware-fleet ask for it:
//
//   head_data MODEL examples FOLDER OUT    the folder's examples as a board keeps them in flash
//   head_data MODEL name                   prints what a task calls it
//   head_data MODEL initial OUT            the head's parameters, as a task begins with them
//   head_data MODEL train EPOCHS RATE SEED OUT FOLDER...   those after training on all folders together
//   head_data MODEL evaluate PARAMETERS FOLDER...  prints the share of the folders' examples that are right
//   head_data MODEL adds-up BEFORE AFTER CLIP WEIGHT_MAX LANES...
//                                          0 when the updates in the files LANES make the parameters AFTER of
//                                          BEFORE, to the bit; 3 when they do not
//
// MODEL is an int8 .tflite file; a FOLDER is one that `sotto dataset export` writes. FOLDER:old is the first
// three quarters of its examples, FOLDER:new the rest.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "sotto/aggregator/server_optimizer.h"
#include "sotto/client/head_trainer.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/update.h"
#include "sotto/simulation/data_set.h"

namespace {

using namespace sotto;
using Words = std::vector<std::string>;

int fail(const std::string& why) {
  std::fprintf(stderr, "head_data: %s\n", why.c_str());
  return 1;
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int write_file(const std::string& path, Bytes bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return file.flush() ? 0 : fail("cannot write " + path);
}

int write_values(const std::string& path, const std::vector<float>& values) {
  std::vector<std::uint8_t> bytes(4 * values.size());
  ByteWriter out(bytes);
  for (const float value : values) out.f32(value);
  return write_file(path, bytes);
}

// The examples of a word FOLDER, FOLDER:old or FOLDER:new.
Result<client::Examples> load(const std::string& word) {
  const std::size_t colon = word.find(':');
  auto examples = simulation::load_examples(word.substr(0, colon));
  if (!examples || colon == std::string::npos) return examples;
  const std::size_t split = examples->count() * 3 / 4;
  const auto values = static_cast<std::ptrdiff_t>(split * examples->features);
  const auto labels = static_cast<std::ptrdiff_t>(split);
  if (word.substr(colon) == ":old") {
    examples->x.erase(examples->x.begin() + values, examples->x.end());
    examples->y.erase(examples->y.begin() + labels, examples->y.end());
  } else {
    examples->x.erase(examples->x.begin(), examples->x.begin() + values);
    examples->y.erase(examples->y.begin(), examples->y.begin() + labels);
  }
  return examples;
}

Result<client::HeadSamples> prepare(const client::HeadModel& model, std::span<const std::string> words) {
  client::Examples all;
  for (const std::string& word : words) {
    auto examples = load(word);
    if (!examples) return examples.error();
    all.features = examples->features;
    all.x.insert(all.x.end(), examples->x.begin(), examples->x.end());
    all.y.insert(all.y.end(), examples->y.begin(), examples->y.end());
  }
  return model.prepare(all);
}

int train(const client::HeadModel& model, std::span<const std::string> words) {
  auto samples = prepare(model, words.subspan(4));
  if (!samples) return fail(samples.error().message());
  proto::TrainingSpec training;
  training.local_epochs = static_cast<std::uint32_t>(std::stoul(words[0]));
  training.learning_rate = std::stof(words[1]);
  training.batch_size = 16;
  crypto::SeededRandom random(std::stoull(words[2]));
  std::vector<float> values = model.initial();
  auto update = client::make_head_trainer(model, *samples)
                    ->train({.model = model.spec(), .training = training, .parameters = values}, random);
  if (!update) return fail(update.error().message());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += update->delta[i];
  return write_values(words[3], values);
}

std::optional<std::vector<float>> read_values(const client::HeadModel& model, const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  if (bytes.size() != 4 * model.initial().size()) return std::nullopt;
  std::vector<float> values(model.initial().size());
  ByteReader in(bytes);
  for (float& value : values) value = in.f32();
  return values;
}

int adds_up(const client::HeadModel& model, std::span<const std::string> words) {
  auto values = read_values(model, words[0]);
  const auto after = read_values(model, words[1]);
  if (!values || !after) return fail(words[0] + " or " + words[1] + " is no head of this model");
  proto::Plan plan;
  plan.model = model.spec();
  plan.aggregation.clip = std::stof(words[2]);
  plan.aggregation.weight_max = static_cast<std::uint32_t>(std::stoul(words[3]));
  const secagg::UpdateLayout layout = plan.update_layout();
  std::vector<std::uint32_t> sums(layout.lane_count());
  for (const std::string& file : words.subspan(4)) {
    const std::vector<std::uint8_t> lanes = read_file(file);
    if (lanes.size() != sums.size()) return fail(file + " holds no update of this model");
    for (std::size_t i = 0; i < lanes.size(); ++i) sums[i] += lanes[i];
  }
  aggregator::CohortSum sum;
  sum.devices = static_cast<std::uint32_t>(words.size() - 4);
  sum.weight_max = layout.weight_max;
  sum.metrics = secagg::decode_metrics(layout, sums);
  sum.segments = {{.length = layout.segments[0].length,
                   .unit = double{secagg::quantizer_scale(layout.segments[0].clip)}}};
  for (std::size_t i = layout.metric_lanes(); i < sums.size(); ++i) {
    sum.sum.push_back(std::int64_t{sums[i]} - std::int64_t{secagg::kZeroLane} * sum.devices);
  }
  aggregator::OptimizerState state;
  if (!aggregator::apply_update(sum, {}, *values, state).ok()) return fail("the sum is none");
  return *values == *after ? 0 : 3;
}

int evaluate(const client::HeadModel& model, std::span<const std::string> words) {
  const auto values = read_values(model, words[0]);
  if (!values) return fail(words[0] + " is no head of this model");
  auto samples = prepare(model, words.subspan(1));
  if (!samples) return fail(samples.error().message());
  auto evaluation = model.evaluate(*values, *samples);
  if (!evaluation) return fail(evaluation.error().message());
  std::printf("%.6f\n", evaluation->accuracy);
  return 0;
}

int run(const client::HeadModel& model, const std::string& verb, std::span<const std::string> words) {
  if (verb == "name") return std::printf("%s\n", std::string(model.spec().name.view()).c_str()) < 0;
  if (verb == "initial" && words.size() == 1) return write_values(words[0], model.initial());
  if (verb == "train" && words.size() >= 5) return train(model, words);
  if (verb == "evaluate" && words.size() >= 2) return evaluate(model, words);
  if (verb == "adds-up" && words.size() >= 5) return adds_up(model, words);
  if (verb != "examples" || words.size() != 2) return fail("see the head of head_data.cc");
  auto samples = prepare(model, words.first(1));
  return samples ? write_file(words[1], samples->bytes) : fail(samples.error().message());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return fail("see the head of head_data.cc");
  const Words words(arguments + 1, arguments + count);
  const auto model = client::HeadModel::open(read_file(words[0]), client::HeadForm::kFloat32);
  if (!model) return fail(model.error().message());
  return run(*model, words[1], std::span(words).subspan(2));
}
