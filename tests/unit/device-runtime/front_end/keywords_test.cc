// From microphone samples to a word: MLPerf Tiny's keyword spotter behind the front end it was trained with.
#include <algorithm>
#include <cmath>
#include <memory>

#include "front_end_test_support.h"
#include "recordings.h"
#include "sotto/device_runtime/sotto_device.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::device {
namespace {

constexpr std::size_t kRecordings = 100;
constexpr std::size_t kRecordingSamples = 16000;

// tf.signal: magnitudes of 30 ms frames every 20 ms, 40 bands, ten coefficients whose first is sqrt(2) times
// the orthonormal transform's.
sotto_front_end_config keyword_features(const sotto_tensor& input) {
  static const float kMeans[10]{};
  static const float kDeviations[10]{static_cast<float>(std::sqrt(0.5)), 1, 1, 1, 1, 1, 1, 1, 1, 1};
  sotto_front_end_config config = log_mel_config();
  config.kind = &sotto_mfcc_features;
  config.rows = 49;
  config.row_hop = 49;
  config.mel_input = SOTTO_MEL_MAGNITUDE;
  config.upper_hz = 4000;
  config.coefficients = 10;
  config.mean = kMeans;
  config.deviation = kDeviations;
  config.normalisation_count = 10;
  config.scale = input.scale;
  config.zero_point = input.zero_point;
  return config;
}

// As loud as 16 bits allow: the model was trained on recordings of that volume.
Samples at_full_volume(Samples samples) {
  int peak = 1;
  for (const std::int16_t sample : samples) peak = std::max(peak, std::abs(int{sample}));
  for (std::int16_t& sample : samples) sample = static_cast<std::int16_t>(sample * 32767 / peak);
  return samples;
}

struct alignas(SOTTO_ALIGNMENT) Block {
  std::uint8_t bytes[SOTTO_ALIGNMENT];
};

class Keywords : public testing::Test {
 protected:
  void SetUp() override {
    SOTTO_SKIP_WITHOUT(data_);
    SOTTO_SKIP_WITHOUT(model_path_);
    const auto compiled = model_compiler::compile(read_file(model_path_), {});
    ASSERT_TRUE(compiled) << compiled.error().message();
    image_.resize(compiled->image.size() / SOTTO_ALIGNMENT + 1);
    std::memcpy(image_.data(), compiled->image.data(), compiled->image.size());
    arena_.resize(sotto_image_arena_bytes(image_.data(), compiled->image.size()) / SOTTO_ALIGNMENT + 1);
    ASSERT_EQ(sotto_model_open(image_.data(), compiled->image.size(), arena_.data(),
                               arena_.size() * SOTTO_ALIGNMENT, &sotto_portable_kernels, &model_),
              SOTTO_OK);
  }

  [[nodiscard]] std::ptrdiff_t word(const std::vector<std::int8_t>& features) {
    const sotto_tensor input = sotto_model_input(model_, 0);
    EXPECT_EQ(input.bytes, features.size());
    std::memcpy(input.data, features.data(), features.size());
    EXPECT_EQ(sotto_model_invoke(model_), SOTTO_OK);
    const sotto_tensor output = sotto_model_output(model_, 0);
    const auto* scores = static_cast<const std::int8_t*>(output.data);
    return std::max_element(scores, scores + output.bytes) - scores;
  }

  std::filesystem::path data_ = data_folder("speech_commands_sample");
  std::filesystem::path model_path_ = model_file("kws_ref_model.tflite");
  std::vector<Block> image_;
  std::vector<Block> arena_;
  sotto_model* model_ = nullptr;
};

// The benchmark asks for 90 % on its own recordings.
TEST_F(Keywords, AreRecognisedInRecordings) {
  const auto pcm = read_npy<std::int16_t>(data_ / "pcm.npy");
  const auto words = read_npy<std::uint8_t>(data_ / "y.npy");
  ASSERT_EQ(pcm.size(), kRecordings * kRecordingSamples);
  ASSERT_EQ(words.size(), kRecordings);
  OpenFrontEnd front_end(keyword_features(sotto_model_input(model_, 0)));
  int recognised = 0;
  for (std::size_t i = 0; i < kRecordings; ++i) {
    const auto begin = pcm.begin() + static_cast<std::ptrdiff_t>(i * kRecordingSamples);
    sotto_front_end_reset(front_end.get());
    const Outputs outputs = front_end.run(at_full_volume({begin, begin + kRecordingSamples}), 160);
    ASSERT_EQ(outputs.size(), 1u);
    if (word(outputs[0]) == words[i]) ++recognised;
  }
  EXPECT_GE(recognised, 90);
  RecordProperty("recognised", recognised);
}

}  // namespace
}  // namespace sotto::device
