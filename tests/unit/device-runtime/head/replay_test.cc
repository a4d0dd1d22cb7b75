// Which examples are kept, classes that come and go, and memory that is kept.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "head_rig.h"

namespace sotto::device {
namespace {

using Follower = HeadModelSpec::Follower;

sotto_head_options replay_of(std::uint32_t samples, std::uint32_t form = SOTTO_HEAD_FLOAT32) {
  sotto_head_options options{};
  options.form = form;
  options.replay_samples = samples;
  return options;
}

// An example that says its number: two bytes of it, as features.
std::vector<std::int8_t> numbered(std::uint32_t number, std::size_t features = 64) {
  std::vector<std::int8_t> values(features);
  values[0] = static_cast<std::int8_t>(number & 0xFF);
  values[1] = static_cast<std::int8_t>(number >> 8);
  return values;
}

// The examples in the memory of a head, number and label: the last of them end where its memory does.
std::vector<std::pair<std::uint32_t, std::uint32_t>> kept(const HeadRig& rig, std::size_t target_bytes = 1) {
  const std::size_t sample_bytes = rig.sizes.features + target_bytes;
  const std::size_t area = (rig.options.replay_samples * sample_bytes + 15) / 16 * 16;
  const std::uint8_t* at = rig.memory->data() + rig.sizes.bytes - rig.sizes.layer_bytes - area;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
  for (std::uint32_t i = 0; i < sotto_head_remembered(rig.head); ++i, at += sample_bytes)
    found.emplace_back(at[0] | at[1] << 8, at[rig.sizes.features]);
  return found;
}

TEST(HeadReplay, KeepsEverythingUntilItIsFull) {
  HeadRig rig({}, replay_of(10));
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(sotto_head_remembered(rig.head), i);
    const auto label = static_cast<std::uint8_t>(i % 3);
    ASSERT_EQ(sotto_head_remember(rig.head, numbered(i).data(), &label), SOTTO_HEAD_OK);
  }
  const auto found = kept(rig);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(found[i], std::pair(i, i % 3));
  const std::uint8_t label = 1;
  ASSERT_EQ(sotto_head_remember(rig.head, numbered(10).data(), &label), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_remembered(rig.head), 10u);
}

TEST(HeadReplay, ClassesAreInBalanceHoweverRareTheyAre) {
  HeadRig rig({}, replay_of(30));
  Examples random(1);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    // one of a thousand is of class 2, one of fifty of class 1
    const auto label = static_cast<std::uint8_t>(i % 1000 == 999 ? 2 : (i % 50 == 7 ? 1 : 0));
    ASSERT_EQ(sotto_head_remember(rig.head, numbered(i).data(), &label), SOTTO_HEAD_OK);
  }
  std::map<std::uint32_t, std::uint32_t> counts;
  for (const auto& [number, label] : kept(rig)) ++counts[label];
  EXPECT_EQ(counts[2], 5u);  // all there ever were
  EXPECT_GE(counts[1], 11u);
  EXPECT_GE(counts[0], 11u);
}

TEST(HeadReplay, WithinAClassEveryExampleIsEquallyLikely) {
  // 12 of 60 are kept; where they stand among the 60 is even.
  std::uint32_t early = 0, all = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    HeadRig rig({}, replay_of(12));
    ASSERT_EQ(
        sotto_head_open(rig.model(), &rig.options, seed, rig.memory->data(), rig.memory->size(), &rig.head),
        SOTTO_HEAD_OK);
    const std::uint8_t label = 4;
    for (std::uint32_t i = 0; i < 60; ++i)
      ASSERT_EQ(sotto_head_remember(rig.head, numbered(i).data(), &label), SOTTO_HEAD_OK);
    for (const auto& example : kept(rig)) {
      ++all;
      early += example.first < 30;
    }
  }
  EXPECT_EQ(all, 2400u);
  EXPECT_NEAR(early, 1200, 120);
}

TEST(HeadReplay, ValuesAreAReservoirToo) {
  HeadModelSpec spec;
  spec.follower = Follower::kNothing;
  spec.outputs = 3;
  HeadRig rig(spec, replay_of(20));
  const std::int8_t targets[3] = {1, 2, 3};
  for (std::uint32_t i = 0; i < 400; ++i)
    ASSERT_EQ(sotto_head_remember(rig.head, numbered(i).data(), targets), SOTTO_HEAD_OK);
  std::uint32_t late = 0;
  for (const auto& example : kept(rig, 3)) late += example.first >= 200;
  EXPECT_GE(late, 4u);
  EXPECT_LE(late, 16u);
}

TEST(HeadReplay, APassShowsEveryExampleOnceAndPassesDiffer) {
  // With only a bias to learn and a tiny rate, the loss of a step tells which example was shown.
  sotto_head_options options = replay_of(7, SOTTO_HEAD_BIASES);
  HeadRig rig({}, options);
  Examples examples(64);
  for (std::uint8_t label = 0; label < 7; ++label)
    ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
  std::vector<std::vector<float>> passes(4);
  for (auto& pass : passes) {
    for (int i = 0; i < 7; ++i) {
      float loss = 0;
      ASSERT_EQ(sotto_head_train(rig.head, 1, &loss), SOTTO_HEAD_OK);
      pass.push_back(loss);
    }
  }
  EXPECT_FALSE(passes[0] == passes[1] && passes[1] == passes[2] && passes[2] == passes[3]);
  for (auto& pass : passes) std::sort(pass.begin(), pass.end());
  EXPECT_EQ(passes[1], passes[0]);
  EXPECT_EQ(passes[2], passes[0]);
  EXPECT_EQ(std::unique(passes[0].begin(), passes[0].end()), passes[0].end());
}

TEST(HeadReplay, ForgettingDropsExamplesAndKeepsTheHead) {
  HeadRig rig({}, replay_of(4));
  rig.set_rates({0.1f, 0, 0, 0});
  const std::uint8_t label = 4;
  for (std::uint32_t i = 0; i < 9; ++i)
    ASSERT_EQ(sotto_head_remember(rig.head, numbered(i).data(), &label), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_train(rig.head, 3, nullptr), SOTTO_HEAD_OK);
  const auto before = rig.parameters();
  sotto_head_forget(rig.head);
  EXPECT_EQ(sotto_head_remembered(rig.head), 0u);
  EXPECT_EQ(sotto_head_train(rig.head, 1, nullptr), SOTTO_HEAD_REPLAY_EMPTY);
  EXPECT_EQ(rig.parameters(), before);
}

TEST(HeadClasses, ComeAndGoUpToTheMaximum) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8}) {
    sotto_head_options options = replay_of(40, form);
    options.outputs_max = 14;
    HeadRig rig({}, options);
    ASSERT_EQ(rig.error, SOTTO_HEAD_OK);
    EXPECT_EQ(sotto_head_has_class(rig.head, 11), 1);
    EXPECT_EQ(sotto_head_has_class(rig.head, 12), 0);
    std::uint32_t label = 0;
    ASSERT_EQ(sotto_head_add_class(rig.head, &label), SOTTO_HEAD_OK);
    EXPECT_EQ(label, 12u);
    ASSERT_EQ(sotto_head_add_class(rig.head, &label), SOTTO_HEAD_OK);
    EXPECT_EQ(label, 13u);
    EXPECT_EQ(sotto_head_add_class(rig.head, &label), SOTTO_HEAD_CLASSES_FULL);
    ASSERT_EQ(sotto_head_remove_class(rig.head, 5), SOTTO_HEAD_OK);
    EXPECT_EQ(sotto_head_remove_class(rig.head, 5), SOTTO_HEAD_LABEL);
    EXPECT_EQ(sotto_head_remove_class(rig.head, 14), SOTTO_HEAD_LABEL);
    EXPECT_EQ(sotto_head_has_class(rig.head, 5), 0);
    ASSERT_EQ(sotto_head_add_class(rig.head, &label), SOTTO_HEAD_OK);
    EXPECT_EQ(label, 5u);
  }
}

TEST(HeadClasses, ANewOneIsLearned) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8}) {
    sotto_head_options options = replay_of(52, form);
    options.outputs_max = 13;
    HeadRig rig({}, options);
    rig.set_rates({0.01f, 0, 0, 0});
    std::uint32_t added = 0;
    ASSERT_EQ(sotto_head_add_class(rig.head, &added), SOTTO_HEAD_OK);
    Examples examples(64);
    for (std::uint32_t i = 0; i < 52; ++i) {
      const auto label = static_cast<std::uint8_t>(i % 13);
      ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
    }
    ASSERT_EQ(sotto_head_train(rig.head, 600, nullptr), SOTTO_HEAD_OK);
    std::uint32_t right = 0;
    ASSERT_EQ(sotto_head_check(rig.head, &right), SOTTO_HEAD_OK);
    EXPECT_EQ(right, 52u) << form;
    std::uint32_t label = 0;
    ASSERT_EQ(sotto_head_classify(rig.head, examples.of(12).data(), &label), SOTTO_HEAD_OK);
    EXPECT_EQ(label, 12u);
  }
}

TEST(HeadClasses, ARemovedOneTakesItsExamplesAlongAndIsNeverAnswered) {
  HeadRig rig({}, replay_of(24));
  rig.set_rates({0.01f, 0, 0, 0});
  Examples examples(64);
  for (std::uint32_t i = 0; i < 24; ++i) {
    const auto label = static_cast<std::uint8_t>(i % 4);
    ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
  }
  ASSERT_EQ(sotto_head_train(rig.head, 5, nullptr), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_remove_class(rig.head, 2), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_remembered(rig.head), 18u);
  for (const auto& example : kept(rig)) EXPECT_NE(example.second, 2u);
  const std::uint8_t removed = 2;
  EXPECT_EQ(sotto_head_remember(rig.head, examples.of(2).data(), &removed), SOTTO_HEAD_LABEL);
  EXPECT_EQ(sotto_head_step(rig.head, examples.of(2).data(), &removed, nullptr), SOTTO_HEAD_LABEL);
  ASSERT_EQ(sotto_head_train(rig.head, 100, nullptr), SOTTO_HEAD_OK);
  std::vector<float> outputs(12);
  for (int i = 0; i < 30; ++i) {
    const auto features = examples.of(2);
    std::uint32_t label = 0;
    ASSERT_EQ(sotto_head_classify(rig.head, features.data(), &label), SOTTO_HEAD_OK);
    EXPECT_NE(label, 2u);
    ASSERT_EQ(sotto_head_predict(rig.head, features.data(), outputs.data()), SOTTO_HEAD_OK);
    EXPECT_EQ(outputs[2], -HUGE_VALF);
  }
}

TEST(HeadClasses, TheLastOneStays) {
  HeadModelSpec spec;
  spec.outputs = 2;
  HeadRig rig(spec);
  ASSERT_EQ(sotto_head_remove_class(rig.head, 0), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_remove_class(rig.head, 1), SOTTO_HEAD_LAST_CLASS);
  const std::int8_t features[64] = {};
  const std::uint8_t label = 1;
  float loss = 1;
  ASSERT_EQ(sotto_head_step(rig.head, features, &label, &loss), SOTTO_HEAD_OK);
  EXPECT_EQ(loss, 0.0f);
}

sotto_head_options everything(std::uint32_t form) {
  sotto_head_options options = replay_of(16, form);
  options.batch = 2;
  options.momentum = form == SOTTO_HEAD_INT8 ? 0 : 1;
  options.anchor = 1;
  options.layer = 1;
  return options;
}

void fill(HeadRig& rig) {
  rig.set_rates({0.01f, rig.options.momentum != 0 ? 0.5f : 0, 0, 0.1f});
  Examples examples(64);
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto label = static_cast<std::uint8_t>(i * i % 12);
    ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
  }
  ASSERT_EQ(sotto_head_train(rig.head, 5, nullptr), SOTTO_HEAD_OK);
}

class HeadKept : public testing::TestWithParam<std::uint32_t> {};

TEST_P(HeadKept, MemoryGoesOnElsewhereAsIfNothingHadHappened) {
  HeadRig rig({}, everything(GetParam()));
  fill(rig);
  const AlignedMemory copy(std::span<const std::uint8_t>(rig.memory->data(), rig.memory->size()));
  ASSERT_EQ(sotto_head_train(rig.head, 50, nullptr), SOTTO_HEAD_OK);
  HeadRig other({}, everything(GetParam()));  // another run of the program
  sotto_head* resumed = nullptr;
  ASSERT_EQ(sotto_head_resume(other.model(), &rig.options, copy.data(), copy.size(), &resumed),
            SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_train(resumed, 50, nullptr), SOTTO_HEAD_OK);
  std::vector<float> values(rig.sizes.parameters);
  ASSERT_EQ(sotto_head_read(resumed, values.data(), values.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(values, rig.parameters());
}

TEST_P(HeadKept, MemoryOfAnotherHeadIsRefused) {
  HeadRig rig({}, everything(GetParam()));
  fill(rig);
  sotto_head* resumed = nullptr;
  sotto_head_options others = rig.options;
  others.replay_samples = 15;
  EXPECT_EQ(sotto_head_resume(rig.model(), &others, rig.memory->data(), rig.memory->size(), &resumed),
            SOTTO_HEAD_NOT_THIS_HEAD);
  HeadModelSpec spec;
  spec.has_bias = false;
  HeadRig other_model(spec, rig.options);
  EXPECT_EQ(
      sotto_head_resume(other_model.model(), &rig.options, rig.memory->data(), rig.memory->size(), &resumed),
      SOTTO_HEAD_NOT_THIS_HEAD);
  EXPECT_EQ(resumed, nullptr);
  const AlignedMemory zeros(rig.sizes.bytes);
  std::memset(zeros.data(), 0, zeros.size());
  EXPECT_EQ(sotto_head_resume(rig.model(), &rig.options, zeros.data(), zeros.size(), &resumed),
            SOTTO_HEAD_NOT_THIS_HEAD);
}

TEST_P(HeadKept, DamagedMemoryIsRefusedOrSafe) {
  HeadRig rig({}, everything(GetParam()));
  fill(rig);
  std::mt19937 random(17);
  std::uint32_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const AlignedMemory copy(std::span<const std::uint8_t>(rig.memory->data(), rig.memory->size()));
    // most of the damage where counts and places are
    const std::size_t area = i % 4 == 0 ? copy.size() : rig.sizes.state_bytes;
    for (int j = 0; j < 1 + i % 3; ++j) copy.data()[random() % area] = static_cast<std::uint8_t>(random());
    sotto_head* head = nullptr;
    if (sotto_head_resume(rig.model(), &rig.options, copy.data(), copy.size(), &head) != SOTTO_HEAD_OK) {
      ++refused;
      continue;
    }
    const std::uint8_t label = 0;
    (void)sotto_head_train(head, 20, nullptr);
    for (int j = 0; j < 5; ++j) (void)sotto_head_remember(head, numbered(7).data(), &label);
    (void)sotto_head_remove_class(head, 1);
    (void)sotto_head_apply(head);
    (void)sotto_model_invoke(rig.model());
    sotto_head_withdraw(head);
  }
  EXPECT_GT(refused, 1500u);
}

TEST_P(HeadKept, TheAnchorIsTheWayBackAndTheDifferenceWhatWasLearned) {
  HeadRig rig({}, everything(GetParam()));
  const auto start = rig.parameters();
  fill(rig);
  const auto after = rig.parameters();
  EXPECT_NE(after, start);
  std::vector<float> difference(rig.sizes.parameters);
  ASSERT_EQ(sotto_head_difference(rig.head, difference.data(), difference.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_difference(rig.head, difference.data(), difference.size() + 1), SOTTO_HEAD_COUNT);
  for (std::size_t i = 0; i < start.size(); ++i) ASSERT_EQ(difference[i], after[i] - start[i]) << i;
  ASSERT_EQ(sotto_head_go_back(rig.head), SOTTO_HEAD_OK);
  EXPECT_EQ(rig.parameters(), start);
  ASSERT_EQ(sotto_head_train(rig.head, 3, nullptr), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_set_anchor(rig.head), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_difference(rig.head, difference.data(), difference.size()), SOTTO_HEAD_OK);
  for (const float value : difference) ASSERT_EQ(value, 0.0f);
}

INSTANTIATE_TEST_SUITE_P(Forms, HeadKept,
                         testing::Values(SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES));

}  // namespace
}  // namespace sotto::device
