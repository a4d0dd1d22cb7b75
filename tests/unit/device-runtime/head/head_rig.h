// An opened head on an opened model, with examples to learn from.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "sotto/device_runtime/head.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "unit/model-compiler/aligned_memory.h"
#include "unit/model-compiler/head_models.h"

namespace sotto::device {

using model_compiler::HeadModelSpec;

inline std::vector<std::uint8_t> compiled(const std::vector<std::uint8_t>& tflite,
                                          model_compiler::Target target = model_compiler::Target::kPortable) {
  auto model = model_compiler::compile(tflite, {target});
  EXPECT_TRUE(model) << (model ? "" : model.error().message());
  return model ? model->image : std::vector<std::uint8_t>{};
}

class HeadRig {
 public:
  explicit HeadRig(const HeadModelSpec& model_spec = {}, const sotto_head_options& wanted = {},
                   model_compiler::Target target = model_compiler::Target::kPortable)
      : spec(model_spec), options(wanted), image(compiled(head_model(spec), target)) {
    auto opened = HostModel::open(image);
    EXPECT_TRUE(opened);
    model_ = std::make_unique<HostModel>(std::move(*opened));
    const AlignedMemory aligned(image);
    error = sotto_head_measure(aligned.data(), aligned.size(), &options, &sizes);
    memory = std::make_unique<AlignedMemory>(sizes.bytes);
    if (error == SOTTO_HEAD_OK) {
      error = sotto_head_open(model(), &options, kSeed, memory->data(), memory->size(), &head);
    }
  }

  [[nodiscard]] sotto_model* model() const { return model_->model(); }
  [[nodiscard]] HostModel& host() const { return *model_; }

  // The parameters now.
  [[nodiscard]] std::vector<float> parameters() const {
    std::vector<float> values(sizes.parameters);
    EXPECT_EQ(sotto_head_read(head, values.data(), values.size()), SOTTO_HEAD_OK);
    return values;
  }
  void set_rates(const sotto_head_rates& rates) const {
    ASSERT_EQ(sotto_head_set_rates(head, &rates), SOTTO_HEAD_OK);
  }

  static constexpr std::uint64_t kSeed = 20261129;

  HeadModelSpec spec;
  sotto_head_options options;
  std::vector<std::uint8_t> image;
  sotto_head_sizes sizes{};
  sotto_head_error error = SOTTO_HEAD_OK;
  std::unique_ptr<AlignedMemory> memory;
  sotto_head* head = nullptr;

 private:
  std::unique_ptr<HostModel> model_;
};

// Features whose class shows: noise around a pattern of the class.
class Examples {
 public:
  explicit Examples(std::int32_t features, std::uint32_t seed = 5)
      : features_(static_cast<std::size_t>(features)), random_(seed) {}

  std::vector<std::int8_t> of(std::uint32_t label) {
    std::vector<std::int8_t> values(features_);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto pattern = static_cast<int>((i * 2654435761u + label * 40503u * (i + 7)) >> 7) % 80;
      values[i] = static_cast<std::int8_t>(pattern - 40 + static_cast<int>(random_() % 41) - 20);
    }
    return values;
  }
  std::vector<std::int8_t> any() {
    std::vector<std::int8_t> values(features_);
    for (std::int8_t& value : values) value = static_cast<std::int8_t>(random_());
    return values;
  }
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

 private:
  std::size_t features_;
  std::mt19937 random_;
};

}  // namespace sotto::device
