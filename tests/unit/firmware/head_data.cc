// What a fleet of boards needs of a model whose head learns, as tests and scripts/firmware-fleet ask for it:
//
//   head_data MODEL examples FOLDER OUT            the folder's examples as a board keeps them in flash
//   head_data MODEL initial OUT                    the head's parameters, as a task begins with them
//   head_data MODEL train EPOCHS RATE SEED OUT FOLDER...   those after training on all folders together
//   head_data MODEL evaluate PARAMETERS FOLDER...  prints the share of the folders' examples that are right
//
// MODEL is an int8 .tflite file; a FOLDER is one that `sotto dataset export` writes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sotto/client/head_trainer.h"
#include "sotto/crypto/primitives.h"
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

Result<client::HeadSamples> prepare(const client::HeadModel& model, std::span<const std::string> folders) {
  client::Examples all;
  for (const std::string& folder : folders) {
    auto examples = simulation::load_examples(folder);
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

int evaluate(const client::HeadModel& model, std::span<const std::string> words) {
  const std::vector<std::uint8_t> bytes = read_file(words[0]);
  if (bytes.size() != 4 * model.initial().size()) return fail(words[0] + " is no head of this model");
  std::vector<float> values(model.initial().size());
  ByteReader in(bytes);
  for (float& value : values) value = in.f32();
  auto samples = prepare(model, words.subspan(1));
  if (!samples) return fail(samples.error().message());
  auto evaluation = model.evaluate(values, *samples);
  if (!evaluation) return fail(evaluation.error().message());
  std::printf("%.6f\n", evaluation->accuracy);
  return 0;
}

int run(const client::HeadModel& model, const std::string& verb, std::span<const std::string> words) {
  if (verb == "initial" && words.size() == 1) return write_values(words[0], model.initial());
  if (verb == "train" && words.size() >= 5) return train(model, words);
  if (verb == "evaluate" && words.size() >= 2) return evaluate(model, words);
  if (verb != "examples" || words.size() != 2) return fail("see the head of head_data.cc");
  auto samples = prepare(model, words.first(1));
  return samples ? write_file(words[1], samples->bytes) : fail(samples.error().message());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return fail("see the head of head_data.cc");
  const Words words(arguments + 1, arguments + count);
  const auto model = client::HeadModel::open(read_file(words[0]), client::HeadForm::kFloat32);
  if (!model) return fail(model.error().message());
  return run(*model, words[1], std::span(words).subspan(2));
}
