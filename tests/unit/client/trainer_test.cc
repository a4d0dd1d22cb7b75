#include "sotto/client/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "replayable_random.h"

namespace sotto::client {
namespace {

using proto::Architecture;
using proto::ModelSpec;
using proto::TrainingSpec;
using testing::HasSubstr;

constexpr ModelSpec kSoftmaxModel{.architecture = Architecture::kSoftmax, .features = 5, .classes = 3};
constexpr ModelSpec kDenseModel{
    .architecture = Architecture::kDense, .features = 5, .classes = 3, .hidden = {7}};

constexpr ModelSpec kDeepModel{
    .architecture = Architecture::kDense, .features = 5, .classes = 3, .hidden = {6, 4, 5}};

// Class c is a cloud around a corner of its own; `spread` 0.1 makes the classes linearly separable.
Examples clouds(std::size_t count, double spread, std::uint64_t seed) {
  ReplayableRandom random(seed);
  Examples examples{.features = 5};
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint8_t>(i % 3);
    for (std::uint32_t f = 0; f < examples.features; ++f) {
      const double center = f == label ? 1.0 : 0.0;
      examples.x.push_back(static_cast<float>(center + spread * (2 * random.uniform() - 1)));
    }
    examples.y.push_back(label);
  }
  return examples;
}

std::vector<float> random_parameters(const ModelSpec& model, double scale, std::uint64_t seed) {
  ReplayableRandom random(seed);
  std::vector<float> parameters(model.parameter_count());
  for (float& value : parameters) value = static_cast<float>(scale * (2 * random.uniform() - 1));
  return parameters;
}

Result<LocalUpdate> train(const ModelSpec& model, const TrainingSpec& training,
                          std::span<const float> parameters, const Examples& examples, std::uint64_t seed = 1,
                          std::uint32_t weight_max = 1024) {
  ReplayableRandom random(seed);
  return make_builtin_trainer(examples)->train(
      {.model = model, .training = training, .weight_max = weight_max, .parameters = parameters}, random);
}

std::vector<float> trained(std::vector<float> parameters, const LocalUpdate& update) {
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += update.delta[i];
  return parameters;
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

class EachArchitecture : public testing::TestWithParam<ModelSpec> {};
INSTANTIATE_TEST_SUITE_P(Trainer, EachArchitecture, testing::Values(kSoftmaxModel, kDenseModel, kDeepModel),
                         [](const auto& instance) {
                           return std::to_string(instance.param.hidden.size()) + "HiddenLayers";
                         });

// One full batch at learning rate 1 moves by minus the gradient of the mean loss.
TEST_P(EachArchitecture, OneFullBatchStepIsTheGradientOfFiniteDifferences) {
  const Examples examples = clouds(40, 0.8, 2);
  const std::vector<float> parameters = random_parameters(GetParam(), 0.5, 3);
  const auto update =
      train(GetParam(), {.local_epochs = 1, .batch_size = 1000, .learning_rate = 1}, parameters, examples);
  ASSERT_TRUE(update) << update.error().message();
  constexpr float kStep = 1e-3f;
  double largest = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::vector<float> moved = parameters;
    moved[i] = parameters[i] + kStep;
    const double above = evaluate(GetParam(), moved, examples)->mean_loss;
    moved[i] = parameters[i] - kStep;
    const double below = evaluate(GetParam(), moved, examples)->mean_loss;
    EXPECT_NEAR(-update->delta[i], (above - below) / (2 * kStep), 1e-3) << "parameter " << i;
    largest = std::max(largest, std::abs(static_cast<double>(update->delta[i])));
  }
  EXPECT_GT(largest, 0.02) << "the gradient must be large against the tolerance";
}

TEST_P(EachArchitecture, LearnsSeparableClasses) {
  const Examples examples = clouds(120, 0.3, 4);
  const std::vector<float> start = random_parameters(GetParam(), 0.3, 5);
  const auto update =
      train(GetParam(), {.local_epochs = 60, .batch_size = 8, .learning_rate = 0.2f, .momentum = 0.5f}, start,
            examples);
  ASSERT_TRUE(update);
  const auto before = evaluate(GetParam(), start, examples);
  const auto after = evaluate(GetParam(), trained(start, *update), clouds(300, 0.3, 6));
  EXPECT_LT(before->accuracy, 0.9);
  EXPECT_EQ(after->accuracy, 1.0);
  EXPECT_LT(after->mean_loss, 0.1);
}

TEST_P(EachArchitecture, EqualSeedsGiveEqualBitsAndOthersDoNot) {
  const Examples examples = clouds(50, 0.8, 7);
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 8);
  const TrainingSpec training{.local_epochs = 3, .batch_size = 7, .learning_rate = 0.1f, .momentum = 0.9f};
  const auto first = train(GetParam(), training, start, examples, 11);
  const auto again = train(GetParam(), training, start, examples, 11);
  const auto other = train(GetParam(), training, start, examples, 12);
  ASSERT_TRUE(first && again && other);
  EXPECT_EQ(first->delta, again->delta);
  EXPECT_NE(first->delta, other->delta);
}

TEST_P(EachArchitecture, ResultDoesNotDependOnWhereTheInputsLieInMemory) {
  const Examples examples = clouds(50, 0.8, 7);
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 8);
  std::vector<float> shifted(start.size() + 1);
  std::copy(start.begin(), start.end(), shifted.begin() + 1);
  const TrainingSpec training{.local_epochs = 2, .batch_size = 7, .learning_rate = 0.1f};
  EXPECT_EQ(train(GetParam(), training, start, examples)->delta,
            train(GetParam(), training, std::span(shifted).subspan(1), examples)->delta);
}

TEST_P(EachArchitecture, ProximalTermShrinksTheDelta) {
  const Examples examples = clouds(60, 0.8, 9);
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 10);
  TrainingSpec training{.local_epochs = 20, .batch_size = 10, .learning_rate = 0.1f};
  const auto free = train(GetParam(), training, start, examples);
  training.proximal_mu = 1;
  const auto held = train(GetParam(), training, start, examples);
  ASSERT_TRUE(free && held);
  EXPECT_LT(norm(held->delta), 0.6 * norm(free->delta));
  EXPECT_GT(norm(held->delta), 0);
}

TEST_P(EachArchitecture, MomentumRepeatsTheFirstStepInTheSecond) {
  // Two full-batch epochs: steps g1 and g2 + momentum * g1, where g2 is the gradient after the first step.
  const Examples examples = clouds(30, 0.8, 13);
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 14);
  const TrainingSpec one{.local_epochs = 1, .batch_size = 30, .learning_rate = 0.1f};
  const auto first = train(GetParam(), one, start, examples);
  const auto second = train(GetParam(), one, trained(start, *first), examples);
  TrainingSpec two = one;
  two.local_epochs = 2;
  two.momentum = 0.75f;
  const auto both = train(GetParam(), two, start, examples);
  ASSERT_TRUE(first && second && both);
  for (std::size_t i = 0; i < start.size(); ++i) {
    EXPECT_NEAR(both->delta[i], 1.75 * first->delta[i] + second->delta[i], 1e-6);
  }
}

TEST_P(EachArchitecture, MomentumStartsAtZeroInEverySession) {
  const Examples examples = clouds(30, 0.8, 13);
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 14);
  const TrainingSpec training{.local_epochs = 2, .batch_size = 10, .learning_rate = 0.1f, .momentum = 0.9f};
  const auto trainer = make_builtin_trainer(examples);
  const TrainingJob job{.model = GetParam(), .training = training, .weight_max = 1, .parameters = start};
  ReplayableRandom first_random(3);
  const auto first = trainer->train(job, first_random);
  ReplayableRandom second_random(3);
  const auto second = trainer->train(job, second_random);
  EXPECT_EQ(first->delta, second->delta);
}

TEST_P(EachArchitecture, MetricsAreThoseOfTheReceivedModel) {
  const Examples examples = clouds(300, 0.9, 15);  // more than one block of rows
  const std::vector<float> start = random_parameters(GetParam(), 0.5, 16);
  const auto update = train(GetParam(), {.local_epochs = 5, .batch_size = 10, .learning_rate = 0.3f}, start,
                            examples, 1, 100);
  ASSERT_TRUE(update);
  const auto received = evaluate(GetParam(), start, examples);
  EXPECT_EQ(update->metrics.examples, 300u);
  EXPECT_EQ(update->metrics.weight, 100u);
  EXPECT_EQ(update->metrics.sums[0], std::lround(received->accuracy * 300));
  EXPECT_NEAR(update->metrics.sums[1], received->mean_loss * 300, 1e-9);
}

TEST(Trainer, WeightIsTheNumberOfExamplesBelowItsMaximum) {
  const Examples examples = clouds(9, 0.5, 1);
  const std::vector<float> start(kSoftmaxModel.parameter_count());
  EXPECT_EQ(train(kSoftmaxModel, {}, start, examples, 1, 1024)->metrics.weight, 9u);
  EXPECT_EQ(train(kSoftmaxModel, {}, start, examples, 1, 9)->metrics.weight, 9u);
  EXPECT_EQ(train(kSoftmaxModel, {}, start, examples, 1, 8)->metrics.weight, 8u);
}

TEST(Trainer, EpochsShuffleAndLastShortBatchCounts) {
  // With one example per batch and distinct examples the order shows in the result.
  const Examples examples = clouds(7, 0.9, 17);
  const std::vector<float> start(kSoftmaxModel.parameter_count());
  const TrainingSpec singles{.local_epochs = 1, .batch_size = 1, .learning_rate = 0.5f};
  EXPECT_NE(train(kSoftmaxModel, singles, start, examples, 1)->delta,
            train(kSoftmaxModel, singles, start, examples, 2)->delta);
  // Without the seventh example, alone in its batch, the model would be another one.
  Examples six = examples;
  six.x.resize(6 * 5);
  six.y.resize(6);
  const TrainingSpec threes{.local_epochs = 1, .batch_size = 3, .learning_rate = 0.5f};
  EXPECT_NE(train(kSoftmaxModel, threes, start, examples, 1)->delta,
            train(kSoftmaxModel, threes, start, six, 1)->delta);
}

TEST(Trainer, LargeLogitsDoNotOverflow) {
  const Examples examples = clouds(9, 0.1, 18);
  std::vector<float> start(kSoftmaxModel.parameter_count());
  for (std::size_t c = 0; c < 3; ++c) start[c * 3 + c] = 10'000;  // exp() of the plain logit is infinite
  const auto update = train(kSoftmaxModel, {}, start, examples);
  ASSERT_TRUE(update) << update.error().message();
  EXPECT_EQ(update->metrics.sums[0], 9u);
  EXPECT_NEAR(update->metrics.sums[1], 0, 1e-6);
}

TEST(Trainer, SaysWhenTrainingDiverges) {
  const Examples examples = clouds(30, 0.9, 19);
  std::vector<float> start = random_parameters(kDenseModel, 0.5, 20);
  for (float& value : start) value *= 1e18f;
  const auto update =
      train(kDenseModel, {.local_epochs = 50, .batch_size = 1, .learning_rate = 100}, start, examples);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code(), StatusCode::kAborted);
  EXPECT_THAT(update.error().message(), HasSubstr("finite"));
}

TEST(Trainer, RefusesWithoutExamples) {
  const Examples none{.features = 5};
  const std::vector<float> start(kSoftmaxModel.parameter_count());
  const auto update = train(kSoftmaxModel, {}, start, none);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code(), StatusCode::kFailedPrecondition);
}

void expect_refused(const Result<LocalUpdate>& update, const std::string& what) {
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(update.error().message(), HasSubstr(what));
}

TEST(Trainer, NamesTheExampleWithALabelOutsideTheModel) {
  Examples examples = clouds(9, 0.1, 1);
  examples.y[4] = 3;
  expect_refused(train(kSoftmaxModel, {}, std::vector<float>(18), examples),
                 "example 4 has label 3, the model has classes 0 to 2");
}

TEST(Trainer, NamesFeatureCountsThatDisagree) {
  ModelSpec model = kSoftmaxModel;
  model.features = 6;
  expect_refused(train(model, {}, std::vector<float>(model.parameter_count()), clouds(9, 0.1, 1)),
                 "5 features");
  Examples ragged = clouds(9, 0.1, 1);
  ragged.x.pop_back();
  expect_refused(train(kSoftmaxModel, {}, std::vector<float>(18), ragged), "44 feature values");
}

TEST(Trainer, NamesValuesThatAreNotFinite) {
  Examples examples = clouds(9, 0.1, 1);
  examples.x[7] = std::numeric_limits<float>::infinity();
  expect_refused(train(kSoftmaxModel, {}, std::vector<float>(18), examples), "feature 2 of example 1");
  std::vector<float> parameters(18);
  parameters[3] = std::numeric_limits<float>::quiet_NaN();
  expect_refused(train(kSoftmaxModel, {}, parameters, clouds(9, 0.1, 1)), "parameter 3");
}

TEST(Trainer, RefusesJobsThatMakeNoSense) {
  const Examples examples = clouds(9, 0.1, 1);
  expect_refused(train(kSoftmaxModel, {}, std::vector<float>(17), examples), "17 were given");
  expect_refused(train(kSoftmaxModel, {.batch_size = 0}, std::vector<float>(18), examples), "batch_size");
  expect_refused(train(kSoftmaxModel, {.local_epochs = 0}, std::vector<float>(18), examples), "local_epochs");
  for (const float rate : {-1.0f, 0.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    expect_refused(train(kSoftmaxModel, {.learning_rate = rate}, std::vector<float>(18), examples),
                   "learning_rate");
  }
  expect_refused(train(kSoftmaxModel, {}, std::vector<float>(18), examples, 1, 0), "weight_max");
  const ModelSpec empty{.architecture = Architecture::kSoftmax, .features = 0, .classes = 3};
  expect_refused(train(empty, {}, std::vector<float>(3), examples), "features");
}

TEST(Evaluate, FirstOfEqualLogitsWins) {
  Examples examples{.features = 5, .x = std::vector<float>(15), .y = {0, 1, 2}};
  const auto evaluation = evaluate(kSoftmaxModel, std::vector<float>(18), examples);
  ASSERT_TRUE(evaluation);
  EXPECT_DOUBLE_EQ(evaluation->accuracy, 1.0 / 3);
  EXPECT_NEAR(evaluation->mean_loss, std::log(3.0), 1e-7);
}

TEST(Evaluate, RefusesShapesThatDisagree) {
  EXPECT_EQ(evaluate(kSoftmaxModel, std::vector<float>(19), clouds(3, 0.1, 1)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(evaluate(kDenseModel, std::vector<float>(18), clouds(3, 0.1, 1)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(evaluate(kSoftmaxModel, std::vector<float>(18), Examples{.features = 5}).status().code(),
            StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace sotto::client
