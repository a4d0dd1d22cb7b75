// Heads of real models as trainers: the update of a board, and what is refused.
#include "sotto/client/head_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "replayable_random.h"
#include "sotto/base/bytes.h"
#include "sotto/device_runtime/head_round.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/proto/plan_codec.h"
#include "unit/model-compiler/aligned_memory.h"
#include "unit/model-compiler/head_models.h"
#include "unit/model-compiler/small_models.h"

namespace sotto::client {
namespace {

using model_compiler::head_model;
using testing::HasSubstr;

constexpr std::uint32_t kClasses = 5;

std::vector<std::uint8_t> image_of(const std::vector<std::uint8_t>& tflite, model_compiler::Target target) {
  return model_compiler::compile(tflite, {target})->image;
}

// Real numbers whose class shows, for a model of convolutions (192 inputs, 5 classes).
Examples examples_of(std::uint32_t count, std::uint64_t seed, std::uint32_t features = 192) {
  ReplayableRandom random(seed);
  Examples examples{.features = features};
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t j = 0; j < features; ++j) {
      const double centre = (j * 7 + i % kClasses * 11) % 13 < 5 ? 1 : -0.5;
      examples.x.push_back(static_cast<float>(centre + 0.4 * (random.uniform() - 0.5)));
    }
    examples.y.push_back(static_cast<std::uint8_t>(i % kClasses));
  }
  return examples;
}

class HeadTraining : public testing::TestWithParam<HeadForm> {
 protected:
  void SetUp() override {
    auto opened = HeadModel::open(tflite, GetParam());
    ASSERT_TRUE(opened) << opened.error().message();
    model.emplace(std::move(*opened));
    samples = *model->prepare(examples_of(43, 1));
  }

  Result<LocalUpdate> train(std::uint64_t seed = 9) const {
    ReplayableRandom random(seed);
    return make_head_trainer(*model, samples)
        ->train(
            {.model = model->spec(), .training = training, .weight_max = 40, .parameters = model->initial()},
            random);
  }
  std::vector<float> trained(const LocalUpdate& update) const {
    std::vector<float> parameters = model->initial();
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += update.delta[i];
    return parameters;
  }

  const std::vector<std::uint8_t> tflite = model_compiler::small_residual_model();
  std::optional<HeadModel> model;
  HeadSamples samples;
  proto::TrainingSpec training{
      .local_epochs = 4, .batch_size = 8, .learning_rate = 0.02f, .momentum = 0, .proximal_mu = 0.1f};
};

// A round as firmware has it: an image for its own kernels, features from there, the examples in the replay.
std::vector<float> update_of_a_board(const std::vector<std::uint8_t>& image, const Examples& examples,
                                     HeadForm form, const proto::TrainingSpec& training, std::uint64_t seed,
                                     std::vector<float> parameters) {
  auto host = device::HostModel::open(image);
  sotto_head_options options{};
  options.form = static_cast<std::uint32_t>(form);
  options.replay_samples = static_cast<std::uint32_t>(examples.count());
  options.batch = training.batch_size;
  options.anchor = 1;
  sotto_head_sizes sizes{};
  EXPECT_EQ(sotto_head_measure(image.data(), image.size(), &options, &sizes), SOTTO_HEAD_OK);
  const device::AlignedMemory memory(sizes.bytes);
  sotto_head* head = nullptr;
  EXPECT_EQ(sotto_head_open(host->model(), &options, 12345, memory.data(), memory.size(), &head),
            SOTTO_HEAD_OK);
  for (std::size_t i = 0; i < examples.count(); ++i) {
    const sotto_tensor input = sotto_model_input(host->model(), 0);
    for (std::uint32_t j = 0; j < examples.features; ++j) {
      const float steps = std::round(examples.x[i * examples.features + j] / input.scale +
                                     static_cast<float>(input.zero_point));
      static_cast<std::int8_t*>(input.data)[j] =
          static_cast<std::int8_t>(std::min(127.0f, std::max(-128.0f, steps)));
    }
    EXPECT_EQ(sotto_model_invoke_backbone(host->model()), SOTTO_OK);
    EXPECT_EQ(
        sotto_head_remember(head, static_cast<const std::int8_t*>(sotto_model_features(host->model()).data),
                            &examples.y[i]),
        SOTTO_HEAD_OK);
  }
  const sotto_head_training wanted{training.learning_rate, training.momentum,   training.proximal_mu,
                                   training.local_epochs,  training.batch_size, seed};
  sotto_head_round round;
  EXPECT_EQ(sotto_head_round_begin(head, &round, &wanted, sotto_head_replay(head), {nullptr, 0},
                                   parameters.data(), parameters.size()),
            SOTTO_HEAD_OK);
  while (round.is_done == 0) EXPECT_EQ(sotto_head_round_advance(head, &round, 3), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_round_finish(head, &round, parameters.data(), parameters.size()), SOTTO_HEAD_OK);
  return parameters;
}

TEST_P(HeadTraining, GivesTheUpdateOfABoardBitForBit) {
  const auto update = train(9);
  ASSERT_TRUE(update) << update.error().message();
  std::uint8_t seed[8];
  ReplayableRandom(9).fill(seed);
  for (const auto target : {model_compiler::Target::kPortable, model_compiler::Target::kCortexMDsp}) {
    const auto board = update_of_a_board(image_of(tflite, target), examples_of(43, 1), GetParam(), training,
                                         ByteReader(seed).u64(), model->initial());
    ASSERT_EQ(update->delta.size(), board.size());
    EXPECT_EQ(std::memcmp(update->delta.data(), board.data(), board.size() * sizeof(float)), 0);
  }
}

TEST_P(HeadTraining, ReportsWhatTheReceivedHeadWasWorth) {
  const auto update = train();
  ASSERT_TRUE(update);
  const auto received = model->evaluate(model->initial(), samples);
  ASSERT_TRUE(received);
  EXPECT_EQ(update->metrics.examples, 43u);
  EXPECT_EQ(update->metrics.weight, 40u);
  EXPECT_EQ(update->metrics.sums[0], std::round(received->accuracy * 43));
  EXPECT_NEAR(update->metrics.sums[1], received->mean_loss * 43, 1e-3);
}

TEST_P(HeadTraining, CountsWhatItIsNotSureOfAndWhatIsUnlikeTheFirstExamples) {
  proto::ModelSpec spec = model->spec();
  ASSERT_TRUE(spec.metrics.push_back({.name = "unsure"}));
  ASSERT_TRUE(spec.metrics.push_back({.name = "strange"}));
  const auto trainer = make_head_trainer(*model, samples);
  const auto sums = [&](std::span<const float> parameters) {
    ReplayableRandom random(9);
    const auto update = trainer->train(
        {.model = spec, .training = training, .weight_max = 40, .parameters = parameters}, random);
    EXPECT_TRUE(update);
    return update->metrics.sums;
  };
  const auto first = sums(std::vector<float>(model->initial().size()));  // no class is likelier than another
  EXPECT_EQ(first[2], samples.count);
  EXPECT_EQ(first[3], 0);
  std::vector<float> certain(model->initial().size());
  certain.back() = 10;
  EXPECT_EQ(sums(certain)[2], 0);
  const std::uint32_t sample_bytes = model->features() + 1;
  for (std::uint32_t i = 0; i < 7; ++i)  // a sensor that saturates
    std::fill_n(samples.bytes.begin() + i * sample_bytes, model->features(), std::uint8_t{0x80});
  EXPECT_EQ(sums(certain)[3], 7);
}

TEST_P(HeadTraining, CountsEitherOfBothThatTheTaskAsksFor) {
  const auto trainer = make_head_trainer(*model, samples);
  const auto sum_of = [&](const proto::Metric& metric) {
    proto::ModelSpec spec = model->spec();
    EXPECT_TRUE(spec.metrics.push_back(metric));
    ReplayableRandom random(9);
    const std::vector<float> parameters(model->initial().size());
    const auto update = trainer->train(
        {.model = spec, .training = training, .weight_max = 40, .parameters = parameters}, random);
    EXPECT_TRUE(update);
    return update->metrics.sums[2];
  };
  EXPECT_EQ(sum_of({.name = "unsure"}), samples.count);
  EXPECT_EQ(sum_of({.name = "strange"}), 0);
  std::fill_n(samples.bytes.begin(), model->features(), std::uint8_t{0x80});
  EXPECT_EQ(sum_of({.name = "strange"}), 1);
}

TEST_P(HeadTraining, TheSameDrawsGiveTheSameUpdateAndOthersAnother) {
  EXPECT_EQ(train(1)->delta, train(1)->delta);
  EXPECT_NE(train(1)->delta, train(2)->delta);
}

TEST_P(HeadTraining, IsBetterAtWhatItHasNotSeen) {
  training.local_epochs = 30;
  training.proximal_mu = 0;
  const HeadSamples others = *model->prepare(examples_of(100, 2));
  const auto before = model->evaluate(model->initial(), others);
  const auto update = train();
  ASSERT_TRUE(update) << update.error().message();
  const auto after = model->evaluate(trained(*update), others);
  ASSERT_TRUE(before && after);
  EXPECT_LT(after->mean_loss, before->mean_loss);
  if (GetParam() != HeadForm::kBiases) {
    EXPECT_GT(after->accuracy, before->accuracy + 0.1);
  }
}

TEST_P(HeadTraining, RefusesWhatItCannotDo) {
  training.batch_size = 17;
  EXPECT_THAT(train().error().message(), HasSubstr("batch_size is 17: a head takes steps of at most 16"));
  training.batch_size = 8;
  training.learning_rate = 100;
  training.proximal_mu = 1;
  EXPECT_FALSE(train());  // learning rate times pull above 1

  ReplayableRandom random(1);
  TrainingJob job{
      .model = model->spec(), .training = training, .weight_max = 40, .parameters = model->initial()};
  job.parameters = job.parameters.first(3);
  EXPECT_THAT(make_head_trainer(*model, samples)->train(job, random).error().message(),
              HasSubstr("3 were given"));
  ASSERT_TRUE(job.model.name.assign(std::string_view("head-00000000")));
  EXPECT_THAT(make_head_trainer(*model, samples)->train(job, random).error().message(),
              HasSubstr("another .tflite file"));
}

INSTANTIATE_TEST_SUITE_P(Forms, HeadTraining,
                         testing::Values(HeadForm::kFloat32, HeadForm::kInt8, HeadForm::kBiases));

TEST(HeadModel, HasOneNameWhateverItIsCompiledFor) {
  const auto tflite = model_compiler::small_residual_model();
  const auto name = HeadModel::open(tflite, HeadForm::kFloat32)->spec().name;
  EXPECT_THAT(std::string(name.view()), testing::MatchesRegex("head-[0-9a-f]{8}"));
  for (const auto target : {model_compiler::Target::kPortable, model_compiler::Target::kCortexMDsp}) {
    const auto image = HeadModel::open(image_of(tflite, target), HeadForm::kFloat32);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->spec().name, name);
  }
  EXPECT_NE(HeadModel::open(head_model({}), HeadForm::kFloat32)->spec().name, name);
}

TEST(HeadModel, IsATaskThatACoordinatorTakes) {
  const auto model = HeadModel::open(head_model({}), HeadForm::kFloat32);
  ASSERT_TRUE(model);
  EXPECT_TRUE(proto::validate_model(model->spec()).ok());
  EXPECT_EQ(model->initial().size(), 65u * 12);
}

std::string refusal(Bytes file) { return HeadModel::open(file, HeadForm::kFloat32).error().message(); }

TEST(HeadModel, FilesThatHaveNoHeadToTrainAreRefusedWithASentence) {
  const std::uint8_t text[] = "this is no model at all";
  EXPECT_THAT(refusal(text), HasSubstr("no .tflite file"));
  EXPECT_THAT(refusal({}), HasSubstr("empty"));
  EXPECT_THAT(refusal(head_model({.outputs = 1})), HasSubstr("head has 1 outputs"));
  EXPECT_THAT(
      refusal(head_model({.outputs = 300, .follower = model_compiler::HeadModelSpec::Follower::kNothing})),
      HasSubstr("head has 300 outputs; rounds train heads of 2 to 256 classes"));
  EXPECT_THAT(refusal(model_compiler::small_tensor_model()), HasSubstr("head"));
  auto damaged = image_of(head_model({}), model_compiler::Target::kPortable);
  damaged.back() ^= 1;
  EXPECT_FALSE(HeadModel::open(damaged, HeadForm::kFloat32));
}

TEST(HeadModel, ExamplesThatAreNotItsOwnAreRefused) {
  const auto model = HeadModel::open(head_model({.features = 64, .outputs = kClasses}), HeadForm::kFloat32);
  ASSERT_TRUE(model);
  const auto refused = [&model](const Examples& examples) {
    return model->prepare(examples).error().message();
  };
  EXPECT_THAT(refused(examples_of(0, 1, 64)), HasSubstr("no examples"));
  EXPECT_THAT(refused(examples_of(3, 1, 63)), HasSubstr("63 features, the model takes 64"));
  EXPECT_THAT(refused(examples_of(65536, 1, 1)), HasSubstr("at most 65535"));
  Examples examples = examples_of(7, 1, 64);
  examples.y[4] = kClasses;
  EXPECT_THAT(refused(examples), HasSubstr("example 4 has label 5"));
  examples.y[4] = 0;
  examples.x[64 * 2 + 5] = NAN;
  EXPECT_THAT(refused(examples), HasSubstr("feature 5 of example 2 is not a finite number"));
  examples.x[64 * 2 + 5] = 1e30f;  // beyond the input's range: its end
  const auto clamped = model->prepare(examples);
  ASSERT_TRUE(clamped);
  EXPECT_EQ(clamped->bytes[65 * 2 + 5], 127);
}

}  // namespace
}  // namespace sotto::client
