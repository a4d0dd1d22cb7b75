// One step of learning, against the same in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "head_rig.h"
#include "sotto/device_runtime/crc32.h"

namespace sotto::device {
namespace {

using Follower = HeadModelSpec::Follower;

constexpr double kInputScale = 1.0 / 16;
constexpr std::int32_t kInputZeroPoint = -20, kScoreZeroPoint = 9;

struct Example {
  std::vector<std::int8_t> features;
  std::vector<std::uint8_t> target;
};

// A head in double precision: the definition that is in head.h.
class Reference {
 public:
  Reference(const HeadRig& rig, const sotto_head_rates& rates)
      : features_(rig.sizes.features), outputs_(rig.sizes.parameters / (features_ + 1)), rates_(rates) {
    const auto values = rig.parameters();
    parameters_.assign(values.begin(), values.end());
    anchor_ = parameters_;
    velocity_.resize(parameters_.size());
  }

  double learn(const std::vector<Example>& batch, std::uint32_t loss_kind, double score_scale) {
    std::vector<double> gradient(parameters_.size());
    const auto count = static_cast<double>(batch.size());
    double loss = 0;
    for (const Example& example : batch) {
      std::vector<double> errors = outputs(example);
      loss += to_errors(loss_kind, example.target, score_scale, errors);
      for (std::size_t row = 0; row < outputs_; ++row) {
        for (std::size_t i = 0; i < features_; ++i)
          gradient[row * features_ + i] += errors[row] * input(example, i) / count;
        gradient[outputs_ * features_ + row] += errors[row] / count;
      }
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      double slope = gradient[i] + rates_.proximal * (parameters_[i] - anchor_[i]);
      if (i < outputs_ * features_) slope += static_cast<double>(rates_.weight_decay) * parameters_[i];
      velocity_[i] = rates_.momentum * velocity_[i] + rates_.learning_rate * slope;
      parameters_[i] -= velocity_[i];
    }
    return loss / count;
  }

  [[nodiscard]] const std::vector<double>& parameters() const { return parameters_; }

 private:
  static double input(const Example& example, std::size_t i) {
    return kInputScale * (example.features[i] - kInputZeroPoint);
  }

  [[nodiscard]] std::vector<double> outputs(const Example& example) const {
    std::vector<double> values(outputs_);
    for (std::size_t row = 0; row < outputs_; ++row) {
      values[row] = parameters_[outputs_ * features_ + row];
      for (std::size_t i = 0; i < features_; ++i)
        values[row] += parameters_[row * features_ + i] * input(example, i);
    }
    return values;
  }

  static double to_errors(std::uint32_t loss_kind, const std::vector<std::uint8_t>& target,
                          double score_scale, std::vector<double>& values) {
    double loss = 0;
    if (loss_kind == SOTTO_LOSS_SOFTMAX) {
      double sum = 0;
      for (const double value : values) sum += std::exp(value);
      loss = std::log(sum) - values[target[0]];
      for (std::size_t row = 0; row < values.size(); ++row)
        values[row] = std::exp(values[row]) / sum - (row == target[0] ? 1 : 0);
    } else if (loss_kind == SOTTO_LOSS_LOGISTIC) {
      for (std::size_t row = 0; row < values.size(); ++row) {
        const bool is_one = values.size() == 1 ? target[0] == 1 : target[0] == row;
        loss += std::log(1 + std::exp(is_one ? -values[row] : values[row]));
        values[row] = 1 / (1 + std::exp(-values[row])) - (is_one ? 1 : 0);
      }
    } else {
      for (std::size_t row = 0; row < values.size(); ++row) {
        values[row] -= score_scale * (static_cast<std::int8_t>(target[row]) - kScoreZeroPoint);
        loss += values[row] * values[row] / 2;
      }
    }
    return loss;
  }

  std::size_t features_, outputs_;
  sotto_head_rates rates_;
  std::vector<double> parameters_, anchor_, velocity_;
};

struct Case {
  const char* name;
  HeadModelSpec model;
  sotto_head_options options;
  sotto_head_rates rates;
};

HeadModelSpec model_of(Follower follower, std::int32_t features = 64, std::int32_t outputs = 12) {
  HeadModelSpec spec;
  spec.follower = follower;
  spec.features = features;
  spec.outputs = outputs;
  return spec;
}

sotto_head_options options_of(std::uint32_t form, std::uint32_t momentum, std::uint32_t anchor,
                              std::uint32_t batch = 1) {
  sotto_head_options options{};
  options.form = form;
  options.replay_samples = 32;
  options.batch = batch;
  options.momentum = momentum;
  options.anchor = anchor;
  return options;
}

const Case kCases[] = {
    {"softmax", model_of(Follower::kSoftmax), options_of(SOTTO_HEAD_FLOAT32, 0, 0), {0.05f, 0, 0, 0}},
    {"softmax_odd",
     model_of(Follower::kReshapedSoftmax, 37, 3),
     options_of(SOTTO_HEAD_FLOAT32, 0, 0),
     {0.05f, 0, 0, 0}},
    {"momentum", model_of(Follower::kSoftmax, 33), options_of(SOTTO_HEAD_FLOAT32, 1, 0), {0.02f, 0.9f, 0, 0}},
    {"decay", model_of(Follower::kSoftmax), options_of(SOTTO_HEAD_FLOAT32, 0, 0), {0.02f, 0, 0.3f, 0}},
    {"proximal", model_of(Follower::kSoftmax), options_of(SOTTO_HEAD_FLOAT32, 0, 1), {0.02f, 0, 0, 3}},
    {"everything",
     model_of(Follower::kSoftmax),
     options_of(SOTTO_HEAD_FLOAT32, 1, 1, 4),
     {0.02f, 0.8f, 0.1f, 2}},
    {"logistic",
     model_of(Follower::kLogistic, 20, 5),
     options_of(SOTTO_HEAD_FLOAT32, 0, 0),
     {0.05f, 0, 0, 0}},
    {"one_question",
     model_of(Follower::kLogistic, 20, 1),
     options_of(SOTTO_HEAD_FLOAT32, 1, 0),
     {0.05f, 0.5f, 0, 0}},
    {"squared", model_of(Follower::kNothing, 24, 7), options_of(SOTTO_HEAD_FLOAT32, 0, 0), {0.002f, 0, 0, 0}},
    {"squared_batch",
     model_of(Follower::kNothing, 24, 7),
     options_of(SOTTO_HEAD_FLOAT32, 0, 0, 5),
     {0.002f, 0, 0, 0}},
};

class HeadStep : public testing::TestWithParam<Case> {};

Example example_for(const HeadRig& rig, Examples& examples, bool learns_values) {
  const std::uint32_t outputs = rig.sizes.parameters / (rig.sizes.features + 1);
  if (learns_values) {
    Example example{examples.any(), {}};
    for (std::uint32_t i = 0; i < outputs; ++i)
      example.target.push_back(static_cast<std::uint8_t>(examples.below(256)));
    return example;
  }
  const std::uint32_t label = examples.below(outputs == 1 ? 2 : outputs);
  return {examples.of(label), {static_cast<std::uint8_t>(label)}};
}

std::uint32_t loss_of(Follower follower) {
  if (follower == Follower::kNothing) return SOTTO_LOSS_SQUARED;
  return follower == Follower::kLogistic ? SOTTO_LOSS_LOGISTIC : SOTTO_LOSS_SOFTMAX;
}

TEST_P(HeadStep, FollowsTheReferenceInDoublePrecision) {
  const Case& tested = GetParam();
  HeadRig rig(tested.model, tested.options);
  ASSERT_EQ(rig.error, SOTTO_HEAD_OK) << sotto_head_error_text(rig.error);
  rig.set_rates(tested.rates);
  Reference reference(rig, tested.rates);
  Examples examples(tested.model.features);
  const std::uint32_t kind = loss_of(tested.model.follower);
  for (int step = 0; step < 20; ++step) {
    std::vector<Example> batch;
    sotto_head_forget(rig.head);
    for (std::uint32_t i = 0; i < tested.options.batch; ++i) {
      batch.push_back(example_for(rig, examples, kind == SOTTO_LOSS_SQUARED));
      ASSERT_EQ(sotto_head_remember(rig.head, batch[i].features.data(), batch[i].target.data()),
                SOTTO_HEAD_OK);
    }
    float loss = 0;
    if (tested.options.batch == 1) {
      ASSERT_EQ(sotto_head_step(rig.head, batch[0].features.data(), batch[0].target.data(), &loss),
                SOTTO_HEAD_OK);
    } else {
      ASSERT_EQ(sotto_head_train(rig.head, 1, &loss), SOTTO_HEAD_OK);
    }
    const double expected = reference.learn(batch, kind, tested.model.output_scale);
    EXPECT_NEAR(loss, expected, 2e-5 * (1 + expected)) << step;
  }
  const auto values = rig.parameters();
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], reference.parameters()[i], 2e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Losses, HeadStep, testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

// The mean loss of a pass after `steps` steps.
float loss_after(HeadRig& rig, std::uint32_t steps) {
  float loss = 0;
  EXPECT_EQ(sotto_head_train(rig.head, steps, nullptr), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_train(rig.head, 48, &loss), SOTTO_HEAD_OK);
  return loss;
}

void remember_classes(HeadRig& rig, std::uint32_t classes, std::uint32_t each) {
  Examples examples(rig.spec.features);
  for (std::uint32_t i = 0; i < classes * each; ++i) {
    const auto label = static_cast<std::uint8_t>(i % classes);
    ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
  }
}

class HeadForm : public testing::TestWithParam<std::uint32_t> {};

TEST_P(HeadForm, LearnsUntilItIsRightAboutWhatItWasShown) {
  sotto_head_options options = options_of(GetParam(), 0, 0);
  options.replay_samples = 48;
  HeadRig rig({}, options);
  ASSERT_EQ(rig.error, SOTTO_HEAD_OK) << sotto_head_error_text(rig.error);
  rig.set_rates({0.01f, 0, 0, 0});
  remember_classes(rig, 12, 4);
  std::uint32_t before = 0, after = 0;
  ASSERT_EQ(sotto_head_check(rig.head, &before), SOTTO_HEAD_OK);
  const float first = loss_after(rig, 0);
  const float last = loss_after(rig, 1000);
  ASSERT_EQ(sotto_head_check(rig.head, &after), SOTTO_HEAD_OK);
  if (GetParam() == SOTTO_HEAD_BIASES) {
    EXPECT_LT(last, first);
  } else {
    EXPECT_LT(last, 0.05f * first);
    EXPECT_LT(before, 16u);
    EXPECT_EQ(after, 48u);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, HeadForm,
                         testing::Values(SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES));

std::uint32_t bits_of(const HeadRig& rig) {
  const auto values = rig.parameters();
  return crc32(reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float));
}

TEST(HeadTraining, TheSameSeedAndExamplesGiveTheSameBits) {
  const auto trained = [](std::uint32_t form) {
    HeadRig rig({}, options_of(form, 0, 0));
    rig.set_rates({0.01f, 0, 0, 0});
    remember_classes(rig, 12, 4);
    EXPECT_EQ(sotto_head_train(rig.head, 200, nullptr), SOTTO_HEAD_OK);
    return bits_of(rig);
  };
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES})
    EXPECT_EQ(trained(form), trained(form)) << form;
}

TEST(HeadTraining, WeightsOfEveryLayoutAreReadAsTheSameHead) {
  using model_compiler::Target;
  const HeadRig portable({}, {});
  for (const Target target : {Target::kCortexMDsp, Target::kHost}) {
    const HeadRig other({}, {}, target);
    EXPECT_EQ(other.parameters(), portable.parameters());
  }
}

TEST(HeadTraining, SmallStepsOfInt8WeightsAddUp) {
  // A tenth of a weight's step at most, each: rounded to nearest they would all vanish.
  HeadRig rig({}, options_of(SOTTO_HEAD_INT8, 0, 0));
  rig.set_rates({0.0002f, 0, 0, 0});
  HeadRig exact({}, options_of(SOTTO_HEAD_FLOAT32, 0, 0));
  exact.set_rates({0.0002f, 0, 0, 0});
  remember_classes(rig, 12, 2);
  remember_classes(exact, 12, 2);
  const auto start = exact.parameters();
  ASSERT_EQ(sotto_head_train(rig.head, 2000, nullptr), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_train(exact.head, 2000, nullptr), SOTTO_HEAD_OK);
  const auto rounded = rig.parameters(), expected = exact.parameters();
  double together = 0, squares = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    together += (rounded[i] - start[i]) * (expected[i] - start[i]);
    squares += (expected[i] - start[i]) * (expected[i] - start[i]);
  }
  EXPECT_NEAR(together / squares, 1.0, 0.1);
}

TEST(HeadTraining, RowsOfInt8WeightsGrowBeyondTheirFirstScale) {
  HeadRig rig({}, options_of(SOTTO_HEAD_INT8, 0, 0));
  rig.set_rates({2.0f, 0, 0, 0});
  const auto before = rig.parameters();
  Examples examples(64);
  for (std::uint8_t label = 0; label < 12; ++label)
    ASSERT_EQ(sotto_head_step(rig.head, examples.of(label).data(), &label, nullptr), SOTTO_HEAD_OK);
  const auto after = rig.parameters();
  const auto largest = [](const std::vector<float>& values) {
    float most = 0;
    for (const float value : values) most = std::max(most, std::abs(value));
    return most;
  };
  EXPECT_GT(largest(after), 1.5f * largest(before));
}

TEST(HeadTraining, AStepThatWouldDivergeIsRefusedAndChangesNothing) {
  HeadRig rig(model_of(Follower::kNothing, 24, 7), options_of(SOTTO_HEAD_FLOAT32, 0, 1));
  rig.set_rates({900.0f, 0, 0, 0});
  Examples examples(24);
  const std::vector<std::uint8_t> target(7, 100);
  sotto_head_error error = SOTTO_HEAD_OK;
  std::vector<float> before;
  for (int step = 0; step < 100 && error == SOTTO_HEAD_OK; ++step) {
    before = rig.parameters();
    error = sotto_head_step(rig.head, examples.any().data(), target.data(), nullptr);
  }
  EXPECT_EQ(error, SOTTO_HEAD_DIVERGED);
  EXPECT_EQ(rig.parameters(), before);
  for (const float value : before) EXPECT_TRUE(std::isfinite(value));
  ASSERT_EQ(sotto_head_go_back(rig.head), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_step(rig.head, examples.any().data(), target.data(), nullptr), SOTTO_HEAD_OK);
}

TEST(HeadTraining, WithoutALearningRateNothingChanges) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES}) {
    HeadRig rig({}, options_of(form, 0, 0));
    const auto before = rig.parameters();
    remember_classes(rig, 12, 1);
    ASSERT_EQ(sotto_head_train(rig.head, 20, nullptr), SOTTO_HEAD_OK);
    EXPECT_EQ(rig.parameters(), before);
  }
}

TEST(HeadTraining, PredictionsAreTheOutputsOfTheParameters) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES}) {
    HeadRig rig({}, options_of(form, 0, 0));
    const auto values = rig.parameters();
    Examples examples(64);
    const auto features = examples.any();
    std::vector<float> outputs(12);
    ASSERT_EQ(sotto_head_predict(rig.head, features.data(), outputs.data()), SOTTO_HEAD_OK);
    for (std::size_t row = 0; row < 12; ++row) {
      double expected = values[12 * 64 + row];
      for (std::size_t i = 0; i < 64; ++i)
        expected += static_cast<double>(values[row * 64 + i]) * kInputScale * (features[i] - kInputZeroPoint);
      EXPECT_NEAR(outputs[row], expected, 1e-4) << form;
    }
  }
}

}  // namespace
}  // namespace sotto::device
