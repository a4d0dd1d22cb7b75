// What keeps a head from doing harm: the way back, the answer for when it is not sure, counts of the strange.
#include "sotto/device_runtime/head_watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "head_rig.h"

namespace sotto::device {
namespace {

constexpr std::uint32_t kClasses = 12;
constexpr sotto_head_watch_options kOptions{
    .confidence_min = 600, .fail_safe = 2, .fall_max = 100, .held_out_min = 10, .deviations_max = 4};

sotto_head_options with_anchor(std::uint32_t loss = SOTTO_LOSS_OF_IMAGE) {
  sotto_head_options options{};
  options.loss = loss;
  options.anchor = 1;
  return options;
}

std::vector<std::uint8_t> samples_of(std::uint32_t count) {
  Examples examples(64, 3);
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (const std::int8_t value : examples.of(i % kClasses))
      bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.push_back(static_cast<std::uint8_t>(i % kClasses));
  }
  return bytes;
}

class HeadWatch : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(rig.error, SOTTO_HEAD_OK);
    ASSERT_EQ(sotto_head_watch_begin(&watch, rig.head, &kOptions), SOTTO_HEAD_OK);
  }
  sotto_head_answer answer(const std::vector<std::int8_t>& features) {
    sotto_head_answer given{};
    EXPECT_EQ(sotto_head_watch_answer(&watch, rig.head, features.data(), &given), SOTTO_HEAD_OK);
    return given;
  }
  sotto_head_verdict judge(const sotto_head_sums& before, const sotto_head_sums& after) {
    sotto_head_verdict verdict = SOTTO_HEAD_UNJUDGED;
    EXPECT_EQ(sotto_head_watch_judge(&watch, rig.head, &before, &after, &verdict), SOTTO_HEAD_OK);
    return verdict;
  }
  // The head's biases, everything else 0: its outputs whatever the features.
  void answer_always(const std::vector<float>& biases) {
    std::vector<float> parameters(rig.sizes.parameters);
    std::copy(biases.begin(), biases.end(), parameters.end() - kClasses);
    ASSERT_EQ(sotto_head_write(rig.head, parameters.data(), parameters.size()), SOTTO_HEAD_OK);
  }

  HeadRig rig{{}, with_anchor(SOTTO_LOSS_SOFTMAX)};
  Examples examples{64};
  sotto_head_watch watch{};
};

TEST_F(HeadWatch, ConfidenceIsTheProbabilityOfTheAnswerRoundedDown) {
  Examples any(64, 9);
  std::vector<float> outputs(kClasses);
  for (int i = 0; i < 50; ++i) {
    const auto features = any.any();
    ASSERT_EQ(sotto_head_predict(rig.head, features.data(), outputs.data()), SOTTO_HEAD_OK);
    const float largest = *std::max_element(outputs.begin(), outputs.end());
    double sum = 0;
    for (const float output : outputs) sum += std::exp(static_cast<double>(output) - largest);
    EXPECT_NEAR(answer(features).confidence, std::floor(1000 / sum), 1);
  }
}

TEST_F(HeadWatch, AnswersItsFailSafeBelowTheConfidenceAndCountsIt) {
  // e^b / (e^b + 11) is 0.6 at b = ln 16.5.
  std::vector<float> biases(kClasses);
  biases[7] = std::log(16.6f);
  answer_always(biases);
  sotto_head_answer given = answer(examples.of(0));
  EXPECT_EQ(given.label, 7u);
  EXPECT_EQ(given.confidence, 601u);
  EXPECT_FALSE(given.is_unsure);
  biases[7] = std::log(16.4f);
  answer_always(biases);
  given = answer(examples.of(0));
  EXPECT_EQ(given.label, kOptions.fail_safe);
  EXPECT_EQ(given.confidence, 598u);
  EXPECT_TRUE(given.is_unsure);
  EXPECT_EQ(watch.counts.answers, 2u);
  EXPECT_EQ(watch.counts.unsure, 1u);
  ASSERT_EQ(sotto_head_watch_clear(&watch), SOTTO_HEAD_OK);
  EXPECT_EQ(watch.counts.answers, 0u);
  EXPECT_EQ(watch.counts.unsure, 0u);
}

TEST_F(HeadWatch, IsNotSureOfOutputsThatCannotBeLearnedFrom) {
  std::vector<float> parameters = rig.parameters();
  std::fill(parameters.begin(), parameters.end() - kClasses, 9e14f);
  ASSERT_EQ(sotto_head_write(rig.head, parameters.data(), parameters.size()), SOTTO_HEAD_OK);
  const sotto_head_answer given = answer(std::vector<std::int8_t>(64, 127));
  EXPECT_EQ(given.label, kOptions.fail_safe);
  EXPECT_EQ(given.confidence, 0u);
  EXPECT_TRUE(given.is_unsure);
}

TEST_F(HeadWatch, HasNoAnswerWhenNoneWasChosenOrItsClassWasRemoved) {
  answer_always(std::vector<float>(kClasses));
  ASSERT_EQ(sotto_head_remove_class(rig.head, kOptions.fail_safe), SOTTO_HEAD_OK);
  EXPECT_EQ(answer(examples.of(0)).label, SOTTO_HEAD_NO_ANSWER);
  EXPECT_EQ(answer(examples.of(0)).confidence, 90u);  // 1 of the 11 that are left
  sotto_head_watch_options none = kOptions;
  none.fail_safe = SOTTO_HEAD_NO_ANSWER;
  ASSERT_EQ(sotto_head_watch_begin(&watch, rig.head, &none), SOTTO_HEAD_OK);
  EXPECT_EQ(answer(examples.of(0)).label, SOTTO_HEAD_NO_ANSWER);
}

TEST_F(HeadWatch, EveryAnswerStandsWithoutALeastConfidence) {
  sotto_head_watch_options options = kOptions;
  options.confidence_min = 0;
  ASSERT_EQ(sotto_head_watch_begin(&watch, rig.head, &options), SOTTO_HEAD_OK);
  answer_always(std::vector<float>(kClasses));
  EXPECT_EQ(answer(examples.of(0)).label, 0u);
  EXPECT_EQ(watch.counts.unsure, 0u);
}

TEST_F(HeadWatch, FindsFeaturesStrangeThatAreUnlikeTheUsual) {
  EXPECT_FALSE(answer(std::vector<std::int8_t>(64, 127)).is_strange) << "there is no usual yet";
  for (std::uint32_t i = 0; i < 200; ++i)
    ASSERT_EQ(sotto_head_watch_learn(&watch, rig.head, examples.of(i % kClasses).data()), SOTTO_HEAD_OK);
  std::uint32_t strange = 0;
  for (std::uint32_t i = 0; i < 200; ++i) strange += answer(examples.of(i % kClasses)).is_strange != 0;
  EXPECT_LE(strange, 2u);
  EXPECT_TRUE(answer(std::vector<std::int8_t>(64, 60)).is_strange) << "shifted";
  EXPECT_TRUE(answer(std::vector<std::int8_t>(64, -128)).is_strange) << "saturated";
  std::vector<std::int8_t> dead(64, 0);  // the usual mean, and no signal in it
  EXPECT_TRUE(answer(dead).is_strange);
  EXPECT_EQ(watch.counts.strange, strange + 3);
}

TEST_F(HeadWatch, LetsAFigureThatNeverChangedMoveByItsUnit) {
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(sotto_head_watch_learn(&watch, rig.head, std::vector<std::int8_t>(64, 5).data()),
              SOTTO_HEAD_OK);
  std::vector<std::int8_t> near(64, 5);
  near[0] = 6;
  EXPECT_FALSE(answer(near).is_strange);
  EXPECT_TRUE(answer(std::vector<std::int8_t>(64, 6)).is_strange);
}

TEST_F(HeadWatch, KeepsAReferenceOfBoundedSize) {
  const std::vector<std::int8_t> loudest(64, -128), quiet(64, 0);
  for (std::uint32_t i = 0; i < SOTTO_HEAD_REFERENCE_MAX; ++i)
    ASSERT_EQ(sotto_head_watch_learn(&watch, rig.head, loudest.data()), SOTTO_HEAD_OK);
  const sotto_head_watch full = watch;
  ASSERT_EQ(sotto_head_watch_learn(&watch, rig.head, quiet.data()), SOTTO_HEAD_OK);
  EXPECT_EQ(watch.level_sum, full.level_sum);
  EXPECT_EQ(watch.reference, SOTTO_HEAD_REFERENCE_MAX);
  EXPECT_FALSE(answer(loudest).is_strange);
  EXPECT_TRUE(answer(quiet).is_strange);
}

TEST_F(HeadWatch, GoesBackWhenMoreThanTheMarginIsLost) {
  const std::vector<float> received = rig.parameters();
  ASSERT_EQ(sotto_head_set_anchor(rig.head), SOTTO_HEAD_OK);
  rig.set_rates({.learning_rate = 0.05f, .momentum = 0, .weight_decay = 0, .proximal = 0});
  const std::uint8_t label = 4;
  ASSERT_EQ(sotto_head_step(rig.head, examples.of(1).data(), &label, nullptr), SOTTO_HEAD_OK);
  const std::vector<float> learned = rig.parameters();
  EXPECT_EQ(judge({.loss = 0, .examples = 20, .correct = 18}, {.loss = 0, .examples = 20, .correct = 16}),
            SOTTO_HEAD_STAYED)
      << "100 thousandths of 20 are 2";
  EXPECT_EQ(rig.parameters(), learned);
  EXPECT_EQ(judge({.loss = 0, .examples = 9, .correct = 9}, {.loss = 0, .examples = 9, .correct = 0}),
            SOTTO_HEAD_UNJUDGED);
  EXPECT_EQ(rig.parameters(), learned);
  EXPECT_EQ(judge({.loss = 0, .examples = 20, .correct = 18}, {.loss = 0, .examples = 20, .correct = 15}),
            SOTTO_HEAD_WENT_BACK);
  EXPECT_EQ(rig.parameters(), received);
}

TEST_F(HeadWatch, JudgesARoundThatWasTaughtWrongLabels) {
  auto samples = samples_of(36);
  const auto held_out = samples_of(24);
  const sotto_head_training training{0.05f, 0, 0, 20, 1, 5};
  // It learns well first, then from labels that are off by one.
  for (const sotto_head_verdict expected : {SOTTO_HEAD_STAYED, SOTTO_HEAD_WENT_BACK}) {
    std::vector<float> parameters = rig.parameters();
    sotto_head_round round;
    ASSERT_EQ(sotto_head_round_begin(rig.head, &round, &training, {samples.data(), 36}, {held_out.data(), 24},
                                     parameters.data(), parameters.size()),
              SOTTO_HEAD_OK);
    while (round.is_done == 0) ASSERT_EQ(sotto_head_round_advance(rig.head, &round, 100), SOTTO_HEAD_OK);
    sotto_head_sums again{};
    ASSERT_EQ(sotto_head_evaluate(rig.head, {held_out.data(), 24}, &again), SOTTO_HEAD_OK);
    EXPECT_EQ(again.correct, round.after.correct);
    EXPECT_EQ(again.loss, round.after.loss);
    EXPECT_EQ(judge(round.before, round.after), expected);
    ASSERT_EQ(sotto_head_evaluate(rig.head, {held_out.data(), 24}, &again), SOTTO_HEAD_OK);
    EXPECT_EQ(again.correct, expected == SOTTO_HEAD_STAYED ? round.after.correct : round.before.correct);
    for (std::size_t i = 0; i < 36; ++i) {
      std::uint8_t& label = samples[i * 65 + 64];
      label = static_cast<std::uint8_t>((label + 1) % kClasses);
    }
  }
}

TEST(HeadWatchOfValues, JudgesByLossAndGivesNoAnswers) {
  HeadRig rig({}, with_anchor(SOTTO_LOSS_SQUARED));
  sotto_head_watch watch;
  EXPECT_EQ(sotto_head_watch_begin(&watch, rig.head, &kOptions), SOTTO_HEAD_LABEL);
  sotto_head_watch_options options = kOptions;
  options.fail_safe = SOTTO_HEAD_NO_ANSWER;
  ASSERT_EQ(sotto_head_watch_begin(&watch, rig.head, &options), SOTTO_HEAD_OK);
  sotto_head_answer given;
  const std::vector<std::int8_t> features(64);
  EXPECT_EQ(sotto_head_watch_answer(&watch, rig.head, features.data(), &given), SOTTO_HEAD_NOT_CLASSES);
  sotto_head_verdict verdict;
  const std::uint64_t most = (std::uint64_t{1} << 30) * 65535;
  for (const std::uint64_t loss : {std::uint64_t{1000}, most}) {
    const sotto_head_sums before{loss, 65535, 0};
    sotto_head_sums after{loss / 10 * 11, 65535, 0};
    ASSERT_EQ(sotto_head_watch_judge(&watch, rig.head, &before, &after, &verdict), SOTTO_HEAD_OK);
    EXPECT_EQ(verdict, SOTTO_HEAD_STAYED);
    after.loss += 10;
    ASSERT_EQ(sotto_head_watch_judge(&watch, rig.head, &before, &after, &verdict), SOTTO_HEAD_OK);
    EXPECT_EQ(verdict, SOTTO_HEAD_WENT_BACK);
  }
}

TEST(HeadWatchOfOneOutput, IsAsSureOfNoAsOfYes) {
  HeadModelSpec spec;
  spec.outputs = 1;
  HeadRig rig(spec, with_anchor(SOTTO_LOSS_LOGISTIC));
  ASSERT_EQ(rig.error, SOTTO_HEAD_OK);
  sotto_head_watch_options options = kOptions;
  options.fail_safe = 0;
  sotto_head_watch watch;
  ASSERT_EQ(sotto_head_watch_begin(&watch, rig.head, &options), SOTTO_HEAD_OK);
  for (const float output : {2.0f, -2.0f}) {
    std::vector<float> parameters(rig.sizes.parameters);
    parameters.back() = output;
    ASSERT_EQ(sotto_head_write(rig.head, parameters.data(), parameters.size()), SOTTO_HEAD_OK);
    sotto_head_answer given{};
    ASSERT_EQ(sotto_head_watch_answer(&watch, rig.head, std::vector<std::int8_t>(64).data(), &given),
              SOTTO_HEAD_OK);
    EXPECT_EQ(given.label, output > 0 ? 1u : 0u);
    EXPECT_EQ(given.confidence, 880u);
  }
}

TEST_F(HeadWatch, RefusesEveryWrongUse) {
  const auto begin = [&](auto change) {
    sotto_head_watch_options options = kOptions;
    change(options);
    return sotto_head_watch_begin(&watch, rig.head, &options);
  };
  EXPECT_EQ(begin([](auto& o) { o.confidence_min = 1001; }), SOTTO_HEAD_CONFIDENCE);
  EXPECT_EQ(begin([](auto& o) { o.fall_max = 1001; }), SOTTO_HEAD_FALL);
  EXPECT_EQ(begin([](auto& o) { o.held_out_min = 0; }), SOTTO_HEAD_HELD_OUT);
  EXPECT_EQ(begin([](auto& o) { o.deviations_max = 0; }), SOTTO_HEAD_DEVIATIONS);
  EXPECT_EQ(begin([](auto& o) { o.deviations_max = 17; }), SOTTO_HEAD_DEVIATIONS);
  EXPECT_EQ(begin([](auto& o) { o.fail_safe = kClasses; }), SOTTO_HEAD_LABEL);
  EXPECT_EQ(watch.options.fall_max, kOptions.fall_max) << "the watch was changed by a call that failed";

  const std::vector<std::int8_t> features(64);
  sotto_head_answer given;
  sotto_head_sums sums{};
  sotto_head_verdict verdict;
  EXPECT_EQ(sotto_head_watch_begin(nullptr, rig.head, &kOptions), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_begin(&watch, rig.head, nullptr), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_learn(&watch, rig.head, nullptr), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_answer(&watch, rig.head, features.data(), nullptr), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_answer(&watch, nullptr, features.data(), &given), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_clear(nullptr), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_watch_judge(&watch, rig.head, &sums, nullptr, &verdict), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_evaluate(rig.head, {nullptr, 1}, &sums), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_evaluate(rig.head, {features.data(), 65536}, &sums), SOTTO_HEAD_SAMPLES);
  auto wrong = samples_of(1);
  wrong.back() = kClasses;
  EXPECT_EQ(sotto_head_evaluate(rig.head, {wrong.data(), 1}, &sums), SOTTO_HEAD_LABEL);

  const sotto_head_sums twenty{.loss = 0, .examples = 20, .correct = 20};
  const sotto_head_sums none_right{.loss = 0, .examples = 20, .correct = 0};
  EXPECT_EQ(sotto_head_watch_judge(&watch, rig.head, &twenty, &sums, &verdict), SOTTO_HEAD_SAMPLES);
  HeadRig without({}, sotto_head_options{});
  EXPECT_EQ(sotto_head_watch_judge(&watch, without.head, &twenty, &none_right, &verdict),
            SOTTO_HEAD_NO_ANCHOR);
}

}  // namespace
}  // namespace sotto::device
