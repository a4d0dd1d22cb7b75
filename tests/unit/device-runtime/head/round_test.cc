// One local round of a head: what it learns, what it says of the received parameters, and every wrong use.
#include "sotto/device_runtime/head_round.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "head/replay.h"
#include "head/step.h"
#include "head_rig.h"

namespace sotto::device {
namespace {

constexpr std::uint64_t kSeed = 77;
constexpr std::uint32_t kClasses = 12;

sotto_head_options options_of(std::uint32_t form, std::uint32_t batch = 8, std::uint32_t anchor = 1) {
  sotto_head_options options{};
  options.form = form;
  options.replay_samples = 40;
  options.batch = batch;
  options.momentum = form == SOTTO_HEAD_INT8 ? 0 : 1;
  options.anchor = anchor;
  return options;
}

// Examples as a round takes them.
std::vector<std::uint8_t> samples_of(std::uint32_t count, std::uint32_t seed) {
  Examples examples(64, seed);
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (const std::int8_t value : examples.of(i % kClasses))
      bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.push_back(static_cast<std::uint8_t>(i % kClasses));
  }
  return bytes;
}

struct Round {
  sotto_head_round state{};
  std::vector<float> parameters;  // global, then what was learned
  sotto_head_error error = SOTTO_HEAD_OK;
};

class HeadRound : public testing::TestWithParam<std::uint32_t> {
 protected:
  sotto_head_samples examples() const { return {samples.data(), 37}; }
  sotto_head_samples held_out() const { return {others.data(), 24}; }

  Round begun(HeadRig& rig, const sotto_head_training& wanted) const {
    Round round;
    round.parameters = rig.parameters();
    round.error = sotto_head_round_begin(rig.head, &round.state, &wanted, examples(), held_out(),
                                         round.parameters.data(), round.parameters.size());
    return round;
  }
  Round run(HeadRig& rig, const sotto_head_training& wanted, std::uint32_t at_a_time = 1000) const {
    Round round = begun(rig, wanted);
    while (round.error == SOTTO_HEAD_OK && round.state.is_done == 0)
      round.error = sotto_head_round_advance(rig.head, &round.state, at_a_time);
    if (round.error == SOTTO_HEAD_OK) {
      round.error =
          sotto_head_round_finish(rig.head, &round.state, round.parameters.data(), round.parameters.size());
    }
    return round;
  }

  std::vector<std::uint8_t> samples = samples_of(37, 1), others = samples_of(24, 2);
  sotto_head_training training{0.01f, 0, 0, 8, 8, kSeed};
};

TEST_P(HeadRound, LearnsWhatStepsInItsOrderLearn) {
  HeadRig rig({}, options_of(GetParam())), by_hand({}, options_of(GetParam()));
  const Round round = run(rig, training);
  ASSERT_EQ(round.error, SOTTO_HEAD_OK);

  const auto global = by_hand.parameters();
  ASSERT_EQ(sotto_head_write(by_hand.head, global.data(), global.size()), SOTTO_HEAD_OK);
  by_hand.set_rates({training.learning_rate, 0, 0, 0});
  by_hand.head->generator.seed(kSeed);
  for (std::uint32_t epoch = 0; epoch < training.epochs; ++epoch) {
    const head::Order order = head::draw_order(by_hand.head->generator, 37);
    for (std::uint32_t place = 0; place < 37; place += 8) {
      std::vector<head::Sample> batch;
      for (std::uint32_t i = place; i < std::min(place + 8, 37u); ++i) {
        const std::uint8_t* at = samples.data() + std::size_t{order.at(i, 37)} * 65;
        batch.push_back({reinterpret_cast<const std::int8_t*>(at), at + 64});
      }
      float loss = 0;
      ASSERT_EQ(head::learn(*by_hand.head, batch.data(), static_cast<std::uint32_t>(batch.size()), &loss),
                SOTTO_HEAD_OK);
    }
  }
  std::vector<float> expected(global.size());
  ASSERT_EQ(sotto_head_difference(by_hand.head, expected.data(), expected.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(round.parameters, expected);
  EXPECT_NE(expected, std::vector<float>(expected.size()));
}

TEST_P(HeadRound, InHowManyCallsItIsDoneChangesNoBit) {
  HeadRig whole({}, options_of(GetParam())), pieces({}, options_of(GetParam()));
  const Round first = run(whole, training);
  const Round second = run(pieces, training, 1);
  EXPECT_EQ(first.error, SOTTO_HEAD_OK);
  EXPECT_EQ(first.parameters, second.parameters);
  EXPECT_EQ(first.state.after.loss, second.state.after.loss);
  EXPECT_EQ(first.state.after.correct, second.state.after.correct);
}

TEST_P(HeadRound, SaysWhatTheReceivedHeadWasWorthAndTheNewOne) {
  HeadRig rig({}, options_of(GetParam()));
  const auto judged = [&rig](const std::vector<std::uint8_t>& bytes, std::uint32_t count) {
    sotto_head_sums sums{};
    double loss = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* features = reinterpret_cast<const std::int8_t*>(bytes.data() + std::size_t{i} * 65);
      std::uint32_t label = 0;
      float outputs[kClasses];
      EXPECT_EQ(sotto_head_classify(rig.head, features, &label), SOTTO_HEAD_OK);
      EXPECT_EQ(sotto_head_predict(rig.head, features, outputs), SOTTO_HEAD_OK);
      double sum = 0;
      for (const float output : outputs) sum += std::exp(static_cast<double>(output));
      loss += std::log(sum) - static_cast<double>(outputs[i % kClasses]);
      sums.correct += label == i % kClasses;
    }
    sums.loss = static_cast<std::uint64_t>(loss * 1048576);
    return sums;
  };
  const auto global = rig.parameters();
  ASSERT_EQ(sotto_head_write(rig.head, global.data(), global.size()), SOTTO_HEAD_OK);
  const sotto_head_sums received = judged(samples, 37), before = judged(others, 24);
  const Round round = run(rig, training);
  ASSERT_EQ(round.error, SOTTO_HEAD_OK);
  const sotto_head_sums after = judged(others, 24);
  const auto expect_like = [](const sotto_head_sums& sums, const sotto_head_sums& expected,
                              std::uint32_t examples) {
    EXPECT_EQ(sums.examples, examples);
    EXPECT_EQ(sums.correct, expected.correct);
    EXPECT_NEAR(static_cast<double>(sums.loss), static_cast<double>(expected.loss),
                2 + 1e-5 * static_cast<double>(expected.loss));
  };
  expect_like(round.state.received, received, 37);
  expect_like(round.state.before, before, 24);
  expect_like(round.state.after, after, 24);
  EXPECT_GT(after.correct, before.correct);
}

TEST_P(HeadRound, LeavesRatesAndDrawsOfTheHeadAsTheyWere) {
  HeadRig with({}, options_of(GetParam())), without({}, options_of(GetParam()));
  const sotto_head_rates own = {0.003f, 0, 0.1f, 0};
  for (HeadRig* rig : {&with, &without}) rig->set_rates(own);
  ASSERT_EQ(run(with, training).error, SOTTO_HEAD_OK);
  EXPECT_EQ(std::memcmp(&with.head->rates, &own, sizeof own), 0);
  EXPECT_EQ(with.head->generator.next(), without.head->generator.next());
}

INSTANTIATE_TEST_SUITE_P(Forms, HeadRound, testing::Values(SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8));

class HeadRoundUse : public HeadRound {};

TEST_F(HeadRoundUse, TheReplayIsAsGoodAsExamplesElsewhere) {
  HeadRig kept({}, options_of(SOTTO_HEAD_FLOAT32)), given({}, options_of(SOTTO_HEAD_FLOAT32));
  EXPECT_EQ(sotto_head_replay(kept.head).count, 0u);
  for (std::size_t i = 0; i < 37; ++i) {
    const std::uint8_t* at = samples.data() + i * 65;
    ASSERT_EQ(sotto_head_remember(kept.head, reinterpret_cast<const std::int8_t*>(at), at + 64),
              SOTTO_HEAD_OK);
  }
  const sotto_head_samples replay = sotto_head_replay(kept.head);
  ASSERT_EQ(replay.count, 37u);
  EXPECT_EQ(std::memcmp(replay.samples, samples.data(), samples.size()), 0);
}

TEST_F(HeadRoundUse, AnAnchorChangesNoBit) {
  HeadRig with({}, options_of(SOTTO_HEAD_FLOAT32)), without({}, options_of(SOTTO_HEAD_FLOAT32, 8, 0));
  training.momentum = 0.5f;
  const Round anchored = run(with, training);
  EXPECT_EQ(anchored.error, SOTTO_HEAD_OK);
  EXPECT_EQ(run(without, training).parameters, anchored.parameters);
}

TEST_F(HeadRoundUse, BiasesAloneLeaveTheWeights) {
  HeadRig rig({}, options_of(SOTTO_HEAD_BIASES, 8, 0));
  const Round round = run(rig, training);
  ASSERT_EQ(round.error, SOTTO_HEAD_OK);
  const auto biases = round.parameters.end() - kClasses;
  EXPECT_TRUE(std::all_of(round.parameters.begin(), biases, [](float value) { return value == 0; }));
  EXPECT_TRUE(std::any_of(biases, round.parameters.end(), [](float value) { return value != 0; }));
}

TEST_F(HeadRoundUse, AnotherSeedLearnsInAnotherOrder) {
  HeadRig first({}, options_of(SOTTO_HEAD_FLOAT32)), second({}, options_of(SOTTO_HEAD_FLOAT32));
  const Round one = run(first, training);
  ++training.seed;
  EXPECT_NE(run(second, training).parameters, one.parameters);
}

TEST_F(HeadRoundUse, WithoutExamplesHeldOutNothingIsSaidOfThem) {
  HeadRig rig({}, options_of(SOTTO_HEAD_FLOAT32));
  auto parameters = rig.parameters();
  sotto_head_round round;
  ASSERT_EQ(sotto_head_round_begin(rig.head, &round, &training, examples(), {nullptr, 0}, parameters.data(),
                                   parameters.size()),
            SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_round_advance(rig.head, &round, 100000), SOTTO_HEAD_OK);
  EXPECT_EQ(round.is_done, 1);
  EXPECT_EQ(round.before.examples + round.after.examples, 0u);
  EXPECT_EQ(sotto_head_round_advance(rig.head, &round, 1), SOTTO_HEAD_OK);  // nothing is left
}

TEST_F(HeadRoundUse, WhatIsWrongIsSaidAndChangesNothing) {
  HeadRig rig({}, options_of(SOTTO_HEAD_FLOAT32, 4, 0)), int8({}, options_of(SOTTO_HEAD_INT8, 4, 0));
  const auto before = rig.parameters();
  const auto begin = [this](HeadRig& on, auto change, sotto_head_samples given) {
    sotto_head_training wanted{0.01f, 0, 0, 1, 4, kSeed};
    change(wanted);
    std::vector<float> values(on.sizes.parameters, 0.5f);
    sotto_head_round round;
    return sotto_head_round_begin(on.head, &round, &wanted, given, held_out(), values.data(), values.size());
  };
  const auto as_is = [](sotto_head_training&) {};
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.epochs = 0; }, examples()),
            SOTTO_HEAD_EPOCHS);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.epochs = 1001; }, examples()),
            SOTTO_HEAD_EPOCHS);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.batch = 0; }, examples()),
            SOTTO_HEAD_ROUND_BATCH);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.batch = 5; }, examples()),
            SOTTO_HEAD_ROUND_BATCH);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.learning_rate = NAN; }, examples()),
            SOTTO_HEAD_LEARNING_RATE);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.momentum = 1; }, examples()),
            SOTTO_HEAD_MOMENTUM);
  EXPECT_EQ(begin(
                rig, [](auto& t) { t.proximal = 1; }, examples()),
            SOTTO_HEAD_NO_ANCHOR);
  EXPECT_EQ(begin(int8, as_is, examples()), SOTTO_HEAD_NO_ANCHOR);
  EXPECT_EQ(begin(rig, as_is, {samples.data(), 0}), SOTTO_HEAD_SAMPLES);
  EXPECT_EQ(begin(rig, as_is, {samples.data(), 65536}), SOTTO_HEAD_SAMPLES);
  EXPECT_EQ(begin(rig, as_is, {nullptr, 5}), SOTTO_HEAD_NULL_ARGUMENT);
  samples[65 * 36 + 64] = kClasses;
  EXPECT_EQ(begin(rig, as_is, examples()), SOTTO_HEAD_LABEL);
  EXPECT_EQ(begin(rig, as_is, {samples.data(), 36}), SOTTO_HEAD_OK);
  EXPECT_NE(rig.parameters(), before);
}

TEST_F(HeadRoundUse, OnlyARoundThatIsDoneCanBeFinished) {
  HeadRig rig({}, options_of(SOTTO_HEAD_FLOAT32));
  Round round = begun(rig, training);
  auto& values = round.parameters;
  EXPECT_EQ(sotto_head_round_finish(rig.head, &round.state, values.data(), values.size()),
            SOTTO_HEAD_ROUND_UNDER_WAY);
  ASSERT_EQ(sotto_head_round_advance(rig.head, &round.state, 100000), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_round_finish(rig.head, &round.state, values.data(), values.size() - 1),
            SOTTO_HEAD_COUNT);
  EXPECT_EQ(sotto_head_round_finish(rig.head, &round.state, nullptr, values.size()),
            SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_round_advance(nullptr, &round.state, 1), SOTTO_HEAD_NULL_ARGUMENT);
}

TEST_F(HeadRoundUse, ARoundThatDivergesGivesNothing) {
  HeadRig rig({}, options_of(SOTTO_HEAD_FLOAT32, 8, 0));
  training.learning_rate = 1000;
  training.epochs = 1000;
  training.momentum = 0.999f;
  Round round = begun(rig, training);
  round.parameters.assign(round.parameters.size(), 9e14f);
  EXPECT_EQ(sotto_head_round_begin(rig.head, &round.state, &training, examples(), held_out(),
                                   round.parameters.data(), round.parameters.size()),
            SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_round_advance(rig.head, &round.state, 100000), SOTTO_HEAD_DIVERGED);
  EXPECT_EQ(sotto_head_round_advance(rig.head, &round.state, 1), SOTTO_HEAD_DIVERGED);
  EXPECT_EQ(sotto_head_round_finish(rig.head, &round.state, round.parameters.data(), round.parameters.size()),
            SOTTO_HEAD_ROUND_UNDER_WAY);
}

}  // namespace
}  // namespace sotto::device
