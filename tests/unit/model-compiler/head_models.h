// Models that are nothing but a head, for tests here and on boards.
#pragma once

#include <cstdint>
#include <vector>

namespace sotto::model_compiler {

struct HeadModelSpec {
  enum class Follower { kNothing, kSoftmax, kLogistic, kReshapedSoftmax };
  std::int32_t features = 64;
  std::int32_t outputs = 12;
  bool per_channel = true;
  Follower follower = Follower::kSoftmax;
  bool has_bias = true;
  bool has_relu = false;
  float output_scale = 0.15f;
  // In place of the random ones, when there are any.
  std::vector<std::int8_t> weights{};
  std::vector<float> weight_scales{};
  std::vector<std::int32_t> biases{};
};

// A .tflite file of one fully connected layer with random weights; the features are the model's input, of
// scale 1/16 and zero point -20. The same bytes every time.
[[nodiscard]] std::vector<std::uint8_t> head_model(const HeadModelSpec& spec);

}  // namespace sotto::model_compiler
