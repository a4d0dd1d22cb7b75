// Front ends on real recordings: spoken digits (FSDD) and motion (UCI HAPT), against double precision.
#include "recordings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "front_end_test_support.h"

namespace sotto::device {
namespace {

constexpr std::size_t kDigitSamples = 8000;  // one second, as the data set's own features take
constexpr std::size_t kCepstra = 490;
constexpr std::size_t kRecordingsPerSpeaker = 500;

class SpokenDigits : public testing::Test {
 protected:
  void SetUp() override {
    SOTTO_SKIP_WITHOUT(folder_);
    pcm_ = read_npy<std::int16_t>(folder_ / "test_pcm.npy");
    offsets_ = read_npy<std::int32_t>(folder_ / "test_pcm_offsets.npy");
    keys_ = read_npy<std::uint8_t>(folder_ / "test_pcm_speaker_digit_take.npy");
    ASSERT_EQ(keys_.size(), 3 * (offsets_.size() - 1));
  }

  [[nodiscard]] std::size_t count() const { return offsets_.size() - 1; }

  // Followed by silence, or cut.
  [[nodiscard]] Samples recording(std::size_t index) const {
    Samples samples(pcm_.begin() + offsets_.at(index), pcm_.begin() + offsets_.at(index + 1));
    samples.resize(kDigitSamples);
    return samples;
  }

  std::filesystem::path folder_ = data_folder("fsdd");
  std::vector<std::int16_t> pcm_;
  std::vector<std::int32_t> offsets_;
  std::vector<std::uint8_t> keys_;
};

TEST_F(SpokenDigits, CepstraAndLogMelFollowTheDefinition) {
  for (sotto_front_end_config config : {mfcc_config(), log_mel_config()}) {
    config.sample_rate_hz = 8000;
    config.upper_hz = 4000;
    config.rows = 1;
    config.row_hop = 1;
    for (std::size_t index = 0; index < count(); index += 37) {
      const Samples samples = recording(index);
      calibrate(config, samples);
      const Difference off = difference(config, samples);
      ASSERT_GT(off.values, 20u * 10);
      EXPECT_LE(off.largest, 0.01) << "recording " << index;
      EXPECT_LE(off.rms, 0.31) << "recording " << index;
    }
  }
}

// The data set comes with cepstra that NumPy computed, in steps of 1/256.
TEST_F(SpokenDigits, CepstraAreThoseOfTheDataSetInTheShapeAModelTakes) {
  constexpr std::array kSpeakers{"george", "jackson", "lucas", "nicolas", "theo", "yweweler"};
  sotto_front_end_config config = mfcc_config();
  config.scale = 0.35F;
  config.zero_point = 60;
  double largest = 0;
  double squares = 0;
  std::size_t compared = 0;
  for (std::size_t speaker = 0; speaker < kSpeakers.size(); ++speaker) {
    const std::string name = kSpeakers[speaker];
    const auto cepstra = read_npy<std::int16_t>(folder_ / (name + "_x.npy"));
    const auto digits = read_npy<std::uint8_t>(folder_ / (name + "_y.npy"));
    const auto takes = read_npy<std::uint8_t>(folder_ / (name + "_k.npy"));
    ASSERT_EQ(cepstra.size(), kRecordingsPerSpeaker * kCepstra);
    for (std::size_t index = 0; index < count(); ++index) {
      if (keys_[3 * index] != speaker) continue;
      std::size_t row = 0;
      while (digits.at(row) != keys_[3 * index + 1] || takes.at(row) != keys_[3 * index + 2]) ++row;
      const Outputs outputs = OpenFrontEnd(config).run(recording(index));
      ASSERT_EQ(outputs.size(), 1u);
      ASSERT_EQ(outputs[0].size(), kCepstra);  // 49 x 10, the input of MLPerf Tiny's keyword spotter
      for (std::size_t i = 0; i < kCepstra; ++i) {
        const double real = cepstra[row * kCepstra + i] / 256.0;
        const double wanted =
            std::clamp(config.zero_point + real / static_cast<double>(config.scale), -128.0, 127.0);
        largest = std::max(largest, std::abs(outputs[0][i] - wanted));
        squares += (outputs[0][i] - wanted) * (outputs[0][i] - wanted);
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, count() * kCepstra);
  EXPECT_LE(largest, 0.5 + 0.01 + 1 / (2 * 256 * 0.35));
  EXPECT_LE(std::sqrt(squares / static_cast<double>(compared)), 0.3);  // rounding alone: 0.289
}

class Motion : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::filesystem::path path = data_folder("uci_hapt_raw") / GetParam();
    SOTTO_SKIP_WITHOUT(path);
    samples_ = read_npy<std::int16_t>(path);
    samples_.resize(std::min<std::size_t>(samples_.size(), kChannels * 6000));
  }
  static constexpr std::size_t kChannels = 6;  // acceleration and angular rate
  Samples samples_;
};

// Means and deviations as a training set would give them: of each channel of this recording.
TEST_P(Motion, NormalisedWindowsFollowTheDefinition) {
  std::array<float, kChannels> means{};
  std::array<float, kChannels> deviations{};
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = channel; i < samples_.size(); i += kChannels) {
      sum += samples_[i];
      squares += samples_[i] * samples_[i];
    }
    const auto length = static_cast<double>(samples_.size() / kChannels);
    means[channel] = static_cast<float>(sum / length);
    deviations[channel] = static_cast<float>(std::sqrt(squares / length - sum / length * sum / length));
  }
  sotto_front_end_config config = sample_config();
  config.channels = kChannels;
  config.mean = means.data();
  config.deviation = deviations.data();
  config.normalisation_count = kChannels;
  config.scale = 4.0F / 127;
  const Difference off = difference(config, samples_);
  EXPECT_EQ(off.values, (samples_.size() / kChannels - 128) / 64 * 128 * kChannels + 128 * kChannels);
  EXPECT_LE(off.largest, 1e-4);
}

TEST_P(Motion, StatisticsFollowTheDefinition) {
  sotto_front_end_config config = statistics_config();
  config.channels = kChannels;
  config.frame_length = 128;
  config.hop_length = 64;
  calibrate(config, samples_);
  EXPECT_LE(difference(config, samples_).largest, 1e-4);
}

TEST_P(Motion, SpectraFollowTheDefinition) {
  sotto_front_end_config config = spectrum_config();
  config.channels = kChannels;
  calibrate(config, samples_);
  const Difference off = difference(config, samples_);
  EXPECT_LE(off.largest, 0.01);
  EXPECT_LE(off.rms, 0.31);
}

INSTANTIATE_TEST_SUITE_P(Recordings, Motion,
                         testing::Values("exp01_user01.npy", "exp20_user10.npy", "exp61_user30.npy"),
                         [](const testing::TestParamInfo<const char*>& tested) {
                           return std::string(tested.param).substr(0, 5);
                         });

}  // namespace
}  // namespace sotto::device
