// What a head refuses, by name: images, options, memory, rates, calls.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>

#include "head_rig.h"
#include "unit/device-runtime/image_editor.h"
#include "unit/model-compiler/small_models.h"

namespace sotto::device {
namespace {

using Follower = HeadModelSpec::Follower;

sotto_head_options with(std::uint32_t sotto_head_options::*field, std::uint32_t value,
                        sotto_head_options options = {}) {
  options.*field = value;
  return options;
}

sotto_head_error measured(const std::vector<std::uint8_t>& image, const sotto_head_options& options = {},
                          sotto_head_sizes* sizes = nullptr) {
  const AlignedMemory aligned(image);
  sotto_head_sizes found;
  std::memset(&found, 0xEE, sizeof found);
  const sotto_head_error error = sotto_head_measure(aligned.data(), aligned.size(), &options, &found);
  if (error != SOTTO_HEAD_OK) {
    EXPECT_EQ(found.bytes, 0u);
    EXPECT_EQ(found.parameters, 0u);
  }
  if (sizes != nullptr) *sizes = found;
  return error;
}

std::vector<std::uint8_t> image_of(Follower follower, std::int32_t outputs = 12) {
  HeadModelSpec spec;
  spec.follower = follower;
  spec.outputs = outputs;
  return compiled(head_model(spec));
}

TEST(HeadOptions, EveryErrorHasASentenceOfItsOwn) {
  std::set<std::string> texts;
  for (int error = 0; error <= SOTTO_HEAD_DEVIATIONS; ++error)
    texts.insert(sotto_head_error_text(static_cast<sotto_head_error>(error)));
  EXPECT_EQ(texts.size(), SOTTO_HEAD_DEVIATIONS + 1u);
  EXPECT_STREQ(sotto_head_error_text(static_cast<sotto_head_error>(SOTTO_HEAD_DEVIATIONS + 1)),
               "unknown error");
}

TEST(HeadOptions, ModelsWithoutATrainableHeadAreRefusedByName) {
  EXPECT_EQ(measured(compiled(model_compiler::small_dilated_model())), SOTTO_HEAD_ABSENT);
  EXPECT_EQ(measured(compiled(model_compiler::small_tensor_model())), SOTTO_HEAD_ABSENT);
  HeadModelSpec relu;
  relu.has_relu = true;
  EXPECT_EQ(measured(compiled(head_model(relu))), SOTTO_HEAD_ACTIVATION);
  EXPECT_EQ(measured(std::vector<std::uint8_t>(200, 7)), SOTTO_HEAD_NOT_AN_IMAGE);
  EXPECT_EQ(measured({}), SOTTO_HEAD_NOT_AN_IMAGE);
}

TEST(HeadOptions, HeadsOfEveryFormOfModelAreFound) {
  for (const Follower follower :
       {Follower::kNothing, Follower::kSoftmax, Follower::kLogistic, Follower::kReshapedSoftmax}) {
    for (const bool per_channel : {false, true}) {
      for (const bool has_bias : {false, true}) {
        HeadModelSpec spec;
        spec.follower = follower;
        spec.per_channel = per_channel;
        spec.has_bias = has_bias;
        sotto_head_sizes sizes{};
        EXPECT_EQ(measured(compiled(head_model(spec)), {}, &sizes), SOTTO_HEAD_OK);
        EXPECT_EQ(sizes.features, 64u);
        EXPECT_EQ(sizes.outputs, 12u);
        EXPECT_EQ(sizes.parameters, 65u * 12);
      }
    }
  }
}

TEST(HeadOptions, EachWrongOptionHasAnErrorOfItsOwn) {
  const auto image = image_of(Follower::kSoftmax);
  using Options = sotto_head_options;
  EXPECT_EQ(measured(image, with(&Options::form, 2)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::form, 3)), SOTTO_HEAD_FORM);
  EXPECT_EQ(measured(image, with(&Options::loss, 3)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::loss, 4)), SOTTO_HEAD_LOSS);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 11)), SOTTO_HEAD_OUTPUTS);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 12)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 256)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 257)), SOTTO_HEAD_OUTPUTS);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 13, with(&Options::form, SOTTO_HEAD_BIASES))),
            SOTTO_HEAD_OUTPUTS);
  EXPECT_EQ(measured(image, with(&Options::outputs_max, 13, with(&Options::loss, SOTTO_LOSS_SQUARED))),
            SOTTO_HEAD_OUTPUTS);
  EXPECT_EQ(measured(image, with(&Options::replay_samples, 65535)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::replay_samples, 65536)), SOTTO_HEAD_REPLAY_SAMPLES);
  EXPECT_EQ(measured(image, with(&Options::batch, 2)), SOTTO_HEAD_BATCH);
  const auto replay = with(&Options::replay_samples, 1);
  EXPECT_EQ(measured(image, with(&Options::batch, 16, replay)), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&Options::batch, 17, replay)), SOTTO_HEAD_BATCH);
  EXPECT_EQ(measured(image, with(&Options::momentum, 1, with(&Options::form, SOTTO_HEAD_INT8))),
            SOTTO_HEAD_INT8_MOMENTUM);
  for (const auto field : {&Options::momentum, &Options::anchor, &Options::layer}) {
    EXPECT_EQ(measured(image, with(field, 1)), SOTTO_HEAD_OK);
    EXPECT_EQ(measured(image, with(field, 2)), SOTTO_HEAD_SWITCH);
  }
  EXPECT_EQ(measured(image, with(&Options::layer, 1, with(&Options::outputs_max, 13))), SOTTO_HEAD_LAYER);
}

TEST(HeadOptions, MoreThanTwoGigabytesAreTooLarge) {
  HeadModelSpec spec;
  spec.follower = Follower::kNothing;
  spec.features = 40000;
  spec.outputs = 1;
  const auto image = compiled(head_model(spec));
  sotto_head_options options{};
  options.replay_samples = 65535;
  EXPECT_EQ(measured(image, options), SOTTO_HEAD_TOO_LARGE);
  options.replay_samples = 50000;
  EXPECT_EQ(measured(image, options), SOTTO_HEAD_OK);
}

TEST(HeadOptions, HeadsOfMoreThan256ClassesLearnValuesOnly) {
  const auto image = image_of(Follower::kNothing, 300);
  EXPECT_EQ(measured(image), SOTTO_HEAD_OK);
  EXPECT_EQ(measured(image, with(&sotto_head_options::loss, SOTTO_LOSS_SOFTMAX)), SOTTO_HEAD_OUTPUTS);
}

// ARCHITECTURE.md, "Head training".
TEST(HeadOptions, MemoryIsWhatTheFormulaSays) {
  const auto rounded = [](std::size_t bytes) { return (bytes + 15) / 16 * 16; };
  constexpr std::size_t kF = 64, kC = 12;
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES}) {
    for (const std::uint32_t momentum : {0u, form == SOTTO_HEAD_INT8 ? 0u : 1u}) {
      sotto_head_options options{};
      options.form = form;
      options.replay_samples = 10;
      options.batch = 3;
      options.momentum = momentum;
      options.anchor = 1;
      options.layer = 1;
      sotto_head_sizes sizes{};
      ASSERT_EQ(measured(image_of(Follower::kSoftmax), options, &sizes), SOTTO_HEAD_OK);
      std::size_t copy = rounded(4 * kC);
      if (form == SOTTO_HEAD_FLOAT32) copy += rounded(4 * kF * kC);
      if (form == SOTTO_HEAD_INT8) copy += rounded(kF * kC) + rounded(4 * kC);
      EXPECT_EQ(sizes.parameter_bytes, copy);
      EXPECT_EQ(sizes.momentum_bytes, momentum * copy);
      EXPECT_EQ(sizes.anchor_bytes, copy);
      EXPECT_EQ(sizes.work_bytes,
                rounded((form == SOTTO_HEAD_FLOAT32 ? 4 : 2) * kF) + rounded(3 * 4 * kC) + rounded(kC));
      EXPECT_EQ(sizes.replay_bytes, rounded(8 * kC) + rounded(10 * (kF + 1)));
      EXPECT_EQ(sizes.bytes, sizes.state_bytes + sizes.parameter_bytes + sizes.momentum_bytes +
                                 sizes.anchor_bytes + sizes.work_bytes + sizes.replay_bytes +
                                 sizes.layer_bytes);
    }
  }
}

TEST(HeadOptions, ScalesThatNoTrainingCouldBearAreRefused) {
  const auto image = image_of(Follower::kSoftmax);
  const auto with_scale = [&image](ImageTensor ImageHead::*tensor, float scale) {
    ImageEditor editor(image);
    (editor.head().*tensor).scale = scale;
    return measured({editor.bytes(), editor.bytes() + image.size()});
  };
  for (const auto tensor : {&ImageHead::features, &ImageHead::scores}) {
    for (const float wrong : {0.0f, -1.0f, 1e6f, 1e-12f, HUGE_VALF, std::numeric_limits<float>::quiet_NaN()})
      EXPECT_EQ(with_scale(tensor, wrong), SOTTO_HEAD_BAD_IMAGE) << wrong;
    EXPECT_EQ(with_scale(tensor, 2e-12f), SOTTO_HEAD_OK);
  }
  ImageEditor weights(image);
  weights.at<float>(weights.head().weight_scales + 4 * 11) = 0;
  EXPECT_EQ(measured({weights.bytes(), weights.bytes() + image.size()}), SOTTO_HEAD_BAD_IMAGE);
}

TEST(HeadOptions, ARecordThatReachesBeyondTheImageIsRefused) {
  auto image = image_of(Follower::kSoftmax);
  ImageHeader header;
  std::memcpy(&header, image.data(), sizeof header);
  const std::vector<std::uint8_t> head(image.begin() + header.head,
                                       image.begin() + header.head + sizeof(ImageHead));
  header.head = static_cast<std::uint32_t>((image.size() + 15) / 16 * 16);
  image.resize(header.head);
  image.insert(image.end(), head.begin(), head.end());
  const auto measured_as = [&](std::size_t bytes) {
    header.image_bytes = static_cast<std::uint32_t>(bytes);
    std::memcpy(image.data(), &header, sizeof header);
    const AlignedMemory memory(image);  // with all of the record in it, whatever the header says
    const sotto_head_options options{};
    sotto_head_sizes sizes;
    return sotto_head_measure(memory.data(), bytes, &options, &sizes);
  };
  EXPECT_EQ(measured_as(image.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(measured_as(image.size() - 4), SOTTO_HEAD_BAD_IMAGE);
}

TEST(HeadOptions, AnyBytesMayBeMeasured) {
  const auto image = image_of(Follower::kSoftmax);
  std::mt19937 random(8);
  std::uint32_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    ImageEditor damaged(image);
    auto& header = damaged.header();
    const std::uint32_t places[] = {header.head, header.operators, damaged.op(0).parameters,
                                    static_cast<std::uint32_t>(offsetof(ImageHeader, operators))};
    const auto place = places[random() % 4] + static_cast<std::uint32_t>(random() % 40);
    damaged.at<std::uint8_t>(place) = static_cast<std::uint8_t>(random());
    const AlignedMemory exact(std::span<const std::uint8_t>(damaged.bytes(), image.size()));
    const sotto_head_options options{};
    sotto_head_sizes sizes;
    refused += sotto_head_measure(exact.data(), exact.size(), &options, &sizes) != SOTTO_HEAD_OK;
  }
  EXPECT_GT(refused, 1000u);
}

TEST(HeadMemory, EverySizeBelowTheNeededOneIsRefused) {
  sotto_head_options options{};
  options.replay_samples = 4;
  options.layer = 1;
  HeadRig rig({}, options);
  ASSERT_EQ(rig.error, SOTTO_HEAD_OK);
  for (std::size_t bytes = 0; bytes < rig.sizes.bytes; ++bytes) {
    const AlignedMemory memory(bytes);
    sotto_head* head = rig.head;
    ASSERT_EQ(sotto_head_open(rig.model(), &options, 1, memory.data(), bytes, &head),
              SOTTO_HEAD_MEMORY_TOO_SMALL)
        << bytes;
    ASSERT_EQ(head, nullptr);
    ASSERT_EQ(sotto_head_resume(rig.model(), &options, memory.data(), bytes, &head),
              SOTTO_HEAD_MEMORY_TOO_SMALL);
  }
  const AlignedMemory exact(rig.sizes.bytes);  // a sanitizer sees a byte beyond it
  sotto_head* head = nullptr;
  ASSERT_EQ(sotto_head_open(rig.model(), &options, 1, exact.data(), exact.size(), &head), SOTTO_HEAD_OK);
  const std::int8_t features[64] = {};
  const std::uint8_t label = 11;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sotto_head_remember(head, features, &label), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_train(head, 9, nullptr), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_apply(head), SOTTO_HEAD_OK);
  sotto_head_withdraw(head);
}

TEST(HeadMemory, ItStartsOnItsAlignment) {
  HeadRig rig;
  const AlignedMemory memory(rig.sizes.bytes + 16);
  for (std::size_t skew = 0; skew <= 16; ++skew) {
    sotto_head* head = nullptr;
    EXPECT_EQ(sotto_head_open(rig.model(), &rig.options, 1, memory.data() + skew, rig.sizes.bytes, &head),
              skew % 16 == 0 ? SOTTO_HEAD_OK : SOTTO_HEAD_MISALIGNED);
  }
}

TEST(HeadMemory, OpeningLeavesWhatLiesBehindIt) {
  HeadRig rig;
  const AlignedMemory memory(rig.sizes.bytes + 64);
  std::memset(memory.data(), 0xA5, memory.size());
  sotto_head* head = nullptr;
  ASSERT_EQ(sotto_head_open(rig.model(), &rig.options, 1, memory.data(), memory.size(), &head),
            SOTTO_HEAD_OK);
  for (std::size_t i = rig.sizes.bytes; i < memory.size(); ++i) ASSERT_EQ(memory.data()[i], 0xA5);
}

TEST(HeadRates, EachHasItsRange) {
  sotto_head_options options{};
  options.momentum = 1;
  options.anchor = 1;
  HeadRig rig({}, options);
  const auto set = [&rig](const sotto_head_rates& rates) { return sotto_head_set_rates(rig.head, &rates); };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float wrong : {nan, infinity, -infinity, -1e-9f, 1000.1f}) {
    EXPECT_EQ(set({wrong, 0, 0, 0}), SOTTO_HEAD_LEARNING_RATE) << wrong;
    EXPECT_EQ(set({0, wrong, 0, 0}), SOTTO_HEAD_MOMENTUM) << wrong;
    EXPECT_EQ(set({0, 0, wrong, 0}), SOTTO_HEAD_WEIGHT_DECAY) << wrong;
    EXPECT_EQ(set({0, 0, 0, wrong}), SOTTO_HEAD_PROXIMAL) << wrong;
  }
  EXPECT_EQ(set({0, 1, 0, 0}), SOTTO_HEAD_MOMENTUM);
  EXPECT_EQ(set({0.1f, 0, 10.1f, 0}), SOTTO_HEAD_WEIGHT_DECAY);
  EXPECT_EQ(set({0.1f, 0, 0, 10.1f}), SOTTO_HEAD_PROXIMAL);
  EXPECT_EQ(set({1000, 0.99f, 0, 0}), SOTTO_HEAD_OK);
  EXPECT_EQ(set({0.5f, 0.99f, 2, 2}), SOTTO_HEAD_OK);
  HeadRig plain;
  const sotto_head_rates momentum{0.1f, 0.1f, 0, 0}, proximal{0.1f, 0, 0, 0.1f};
  EXPECT_EQ(sotto_head_set_rates(plain.head, &momentum), SOTTO_HEAD_NO_MOMENTUM);
  EXPECT_EQ(sotto_head_set_rates(plain.head, &proximal), SOTTO_HEAD_NO_ANCHOR);
}

TEST(HeadCalls, NullIsRefusedEverywhere) {
  HeadRig rig;
  const std::int8_t features[64] = {};
  const std::uint8_t label = 0;
  float value = 0;
  sotto_head* head = rig.head;
  sotto_head_sizes sizes;
  const sotto_head_error null = SOTTO_HEAD_NULL_ARGUMENT;
  EXPECT_EQ(sotto_head_measure(nullptr, 0, &rig.options, &sizes), null);
  EXPECT_EQ(sotto_head_measure(rig.image.data(), 0, nullptr, &sizes), null);
  EXPECT_EQ(sotto_head_measure(rig.image.data(), 0, &rig.options, nullptr), null);
  for (int i = 0; i < 4; ++i) {
    sotto_model* model = i == 0 ? nullptr : rig.model();
    const sotto_head_options* options = i == 1 ? nullptr : &rig.options;
    std::uint8_t* memory = i == 2 ? nullptr : rig.memory->data();
    sotto_head* opened = head;
    sotto_head** place = i == 3 ? nullptr : &opened;
    EXPECT_EQ(sotto_head_open(model, options, 1, memory, rig.memory->size(), place), null) << i;
    EXPECT_EQ(sotto_head_resume(model, options, memory, rig.memory->size(), place), null) << i;
    EXPECT_TRUE(place == nullptr || opened == nullptr);
  }
  EXPECT_EQ(sotto_head_sizes_of(nullptr, &sizes), null);
  EXPECT_EQ(sotto_head_sizes_of(head, nullptr), null);
  EXPECT_EQ(sotto_head_set_rates(head, nullptr), null);
  EXPECT_EQ(sotto_head_step(nullptr, features, &label, nullptr), null);
  EXPECT_EQ(sotto_head_step(head, nullptr, &label, nullptr), null);
  EXPECT_EQ(sotto_head_step(head, features, nullptr, nullptr), null);
  EXPECT_EQ(sotto_head_remember(head, nullptr, &label), null);
  EXPECT_EQ(sotto_head_remember(head, features, nullptr), null);
  EXPECT_EQ(sotto_head_train(nullptr, 1, nullptr), null);
  EXPECT_EQ(sotto_head_predict(head, features, nullptr), null);
  EXPECT_EQ(sotto_head_predict(head, nullptr, &value), null);
  EXPECT_EQ(sotto_head_classify(head, features, nullptr), null);
  EXPECT_EQ(sotto_head_check(head, nullptr), null);
  EXPECT_EQ(sotto_head_add_class(head, nullptr), null);
  EXPECT_EQ(sotto_head_remove_class(nullptr, 0), null);
  EXPECT_EQ(sotto_head_has_class(nullptr, 0), 0);
  EXPECT_EQ(sotto_head_read(head, nullptr, 1), null);
  EXPECT_EQ(sotto_head_write(head, nullptr, 1), null);
  EXPECT_EQ(sotto_head_difference(head, nullptr, 1), null);
  EXPECT_EQ(sotto_head_set_anchor(nullptr), null);
  EXPECT_EQ(sotto_head_go_back(nullptr), null);
  EXPECT_EQ(sotto_head_apply(nullptr), null);
  EXPECT_EQ(sotto_head_remembered(nullptr), 0u);
  sotto_head_withdraw(nullptr);
  sotto_head_forget(nullptr);
}

TEST(HeadCalls, WhatTheOptionsLeftOutIsSaid) {
  HeadRig rig;
  const std::int8_t features[64] = {};
  const std::uint8_t label = 0;
  std::uint32_t number = 0;
  std::vector<float> values(rig.sizes.parameters);
  EXPECT_EQ(sotto_head_remember(rig.head, features, &label), SOTTO_HEAD_NO_REPLAY);
  EXPECT_EQ(sotto_head_train(rig.head, 1, nullptr), SOTTO_HEAD_NO_REPLAY);
  EXPECT_EQ(sotto_head_check(rig.head, &number), SOTTO_HEAD_NO_REPLAY);
  EXPECT_EQ(sotto_head_set_anchor(rig.head), SOTTO_HEAD_NO_ANCHOR);
  EXPECT_EQ(sotto_head_go_back(rig.head), SOTTO_HEAD_NO_ANCHOR);
  EXPECT_EQ(sotto_head_difference(rig.head, values.data(), values.size()), SOTTO_HEAD_NO_ANCHOR);
  EXPECT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_NO_LAYER);
  HeadRig empty({}, with(&sotto_head_options::replay_samples, 3));
  EXPECT_EQ(sotto_head_train(empty.head, 1, nullptr), SOTTO_HEAD_REPLAY_EMPTY);
  HeadModelSpec spec;
  spec.follower = Follower::kNothing;
  HeadRig learns_values(spec, with(&sotto_head_options::replay_samples, 3));
  EXPECT_EQ(sotto_head_classify(learns_values.head, features, &number), SOTTO_HEAD_NOT_CLASSES);
  EXPECT_EQ(sotto_head_check(learns_values.head, &number), SOTTO_HEAD_NOT_CLASSES);
  EXPECT_EQ(sotto_head_add_class(learns_values.head, &number), SOTTO_HEAD_NOT_CLASSES);
  EXPECT_EQ(sotto_head_remove_class(learns_values.head, 0), SOTTO_HEAD_NOT_CLASSES);
  EXPECT_EQ(sotto_head_has_class(learns_values.head, 0), 0);
}

TEST(HeadCalls, LabelsThatNameNoClassAreRefused) {
  HeadRig rig({}, with(&sotto_head_options::replay_samples, 3));
  const std::int8_t features[64] = {};
  for (const std::uint8_t label : {std::uint8_t{12}, std::uint8_t{255}}) {
    EXPECT_EQ(sotto_head_step(rig.head, features, &label, nullptr), SOTTO_HEAD_LABEL);
    EXPECT_EQ(sotto_head_remember(rig.head, features, &label), SOTTO_HEAD_LABEL);
  }
  HeadModelSpec question;
  question.follower = Follower::kLogistic;
  question.outputs = 1;
  HeadRig one(question);
  for (const std::uint8_t label : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
    EXPECT_EQ(sotto_head_step(one.head, features, &label, nullptr),
              label <= 1 ? SOTTO_HEAD_OK : SOTTO_HEAD_LABEL);
  }
}

TEST(HeadCalls, ParametersAreWrittenWholeAndMustBeNumbers) {
  HeadRig rig;
  auto values = rig.parameters();
  EXPECT_EQ(sotto_head_read(rig.head, values.data(), values.size() - 1), SOTTO_HEAD_COUNT);
  EXPECT_EQ(sotto_head_write(rig.head, values.data(), values.size() - 1), SOTTO_HEAD_COUNT);
  const auto before = values;
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF, -HUGE_VALF, 1e15f}) {
    values = before;
    values.back() = wrong;
    EXPECT_EQ(sotto_head_write(rig.head, values.data(), values.size()), SOTTO_HEAD_VALUE);
    EXPECT_EQ(rig.parameters(), before);
  }
  values = before;
  values[3] = -0.7f;
  EXPECT_EQ(sotto_head_write(rig.head, values.data(), values.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(rig.parameters(), values);
}

}  // namespace
}  // namespace sotto::device
