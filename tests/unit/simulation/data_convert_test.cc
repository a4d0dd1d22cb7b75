#include <sndfile.h>

#include <cmath>

#include "data/fsdd_format.h"
#include "data/signal/cepstra.h"
#include "data_test_support.h"
#include "sotto/simulation/data_set.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

using testing::ElementsAre;

// ---- UCI HAR ----

class HarConversion : public testing::Test {
 protected:
  static constexpr const char* kSignals[9]{"body_acc_x",  "body_acc_y",  "body_acc_z",
                                           "body_gyro_x", "body_gyro_y", "body_gyro_z",
                                           "total_acc_x", "total_acc_y", "total_acc_z"};

  // Sample `i` of channel `c` in window `w` is 0.01 c + 0.001 i + 0.1 w, written as the original is.
  static double value(std::size_t window, std::size_t sample, std::size_t channel) {
    return 0.01 * static_cast<double>(channel) + 0.001 * static_cast<double>(sample) +
           0.1 * static_cast<double>(window);
  }
  void write_part(const std::string& part, const std::string& subjects, const std::string& labels,
                  std::size_t windows) {
    const auto directory = root() / part;
    write_text(directory / ("subject_" + part + ".txt"), subjects);
    write_text(directory / ("y_" + part + ".txt"), labels);
    for (std::size_t channel = 0; channel < 9; ++channel) {
      std::string text;
      for (std::size_t window = 0; window < windows; ++window) {
        for (std::size_t i = 0; i < 128; ++i) {
          char number[32];
          std::snprintf(number, sizeof number, " %15.7e", value(window, i, channel));
          text += number;
        }
        text += "\r\n";
      }
      write_text(signal(part, channel), text);
    }
  }
  void write_excerpt() {
    write_part("train", "1\n3\n1\n", "5\n1\n6\n", 3);
    write_part("test", "2\n", "4\n", 1);
  }
  [[nodiscard]] std::filesystem::path root() const { return folder_ / "UCI HAR Dataset"; }
  [[nodiscard]] std::filesystem::path signal(const std::string& part, std::size_t channel) const {
    return root() / part / "Inertial Signals" / (std::string(kSignals[channel]) + "_" + part + ".txt");
  }
  [[nodiscard]] Status convert() const { return convert_data_set("har", folder_.path(), folder_ / "out"); }

  TemporaryFolder folder_;
};

TEST_F(HarConversion, GathersEachSubjectsWindowsInFileOrder) {
  write_excerpt();
  ASSERT_TRUE(convert().ok()) << convert().message();
  const auto windows = read_npy<std::int16_t>(folder_ / "out/s01_x.npy");
  const auto labels = read_npy<std::uint8_t>(folder_ / "out/s01_y.npy");
  ASSERT_TRUE(windows && labels);
  EXPECT_THAT(windows->shape, ElementsAre(2, 128, 9));
  EXPECT_THAT(labels->values, ElementsAre(4, 5));
  for (const std::size_t row : {0, 1}) {
    for (std::size_t i = 0; i < 128; ++i) {
      for (std::size_t channel = 0; channel < 9; ++channel) {
        const double scale = channel >= 3 && channel < 6 ? 4096 : 8192;
        EXPECT_NEAR(windows->values[(row * 128 + i) * 9 + channel], value(2 * row, i, channel) * scale, 0.51);
      }
    }
  }
  EXPECT_THAT(read_npy<std::uint8_t>(folder_ / "out/s02_y.npy").value().values, ElementsAre(3));
  EXPECT_THAT(read_npy<std::uint8_t>(folder_ / "out/s03_y.npy").value().values, ElementsAre(0));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/s04_x.npy"));
}

TEST_F(HarConversion, AcceptsTheInnerFolderToo) {
  write_excerpt();
  EXPECT_TRUE(convert_data_set("har", root(), folder_ / "out").ok());
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/s03_x.npy"));
}

TEST_F(HarConversion, MakesFilesThatTheLoaderReads) {
  std::string train;
  std::string test;
  std::string train_labels;
  std::string test_labels;
  for (int subject = 1; subject <= 30; ++subject) {
    const bool held_out = subject == 2 || subject == 4 || subject == 9 || subject == 10 || subject == 12 ||
                          subject == 13 || subject == 18 || subject == 20 || subject == 24;
    (held_out ? test : train) += std::to_string(subject) + "\n";
    (held_out ? test_labels : train_labels) += std::to_string(subject % 6 + 1) + "\n";
  }
  write_part("train", train, train_labels, 21);
  write_part("test", test, test_labels, 9);
  ASSERT_TRUE(convert().ok());
  const auto data = load_data_set({.name = "har", .directory = folder_ / "out"});
  ASSERT_TRUE(data) << data.error().message();
  EXPECT_EQ(data->devices.size(), 21u);
  EXPECT_EQ(data->test.count(), 9u);
}

TEST_F(HarConversion, NamesTheFileAndLineOfAShortLongOrBrokenLine) {
  write_excerpt();
  const auto path = signal("train", 4);
  const auto original = [&] {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  const std::size_t second_line = original.find('\n') + 1;
  write_text(path, original.substr(0, second_line) + " 1.0 2.0\n" +
                       original.substr(original.find('\n', second_line) + 1));
  expect_error(convert(), StatusCode::kDataLoss,
               "body_gyro_y_train.txt' line 2: expected 128 numbers, read 2");
  write_text(path, " 1.0" + original);
  expect_error(convert(), StatusCode::kDataLoss, "line 1: more than 128 numbers");
  write_text(path, original.substr(0, second_line) + " oops" + original.substr(second_line));
  expect_error(convert(), StatusCode::kDataLoss, "line 2: expected 128 numbers, read 0");
  write_text(path, " 99" + original.substr(original.find('e') + 4));
  expect_error(convert(), StatusCode::kDataLoss, "line 1: number 1 is too large");
  write_text(path, " nan" + original.substr(original.find('e') + 4));
  expect_error(convert(), StatusCode::kDataLoss, "line 1: number 1 is too large");
  write_text(path, original.substr(0, second_line));
  expect_error(convert(), StatusCode::kDataLoss, "body_gyro_y_train.txt' has 1 lines");
  write_text(path, original + original);
  expect_error(convert(), StatusCode::kDataLoss, "line 4: more lines");
  std::filesystem::remove(path);
  expect_error(convert(), StatusCode::kNotFound, "body_gyro_y_train.txt");
}

TEST_F(HarConversion, RefusesSubjectsAndLabelsOutOfRange) {
  write_excerpt();
  write_text(root() / "train/subject_train.txt", "1\n31\n1\n");
  expect_error(convert(), StatusCode::kDataLoss,
               "subject_train.txt' line 2: expected one whole number from 1 to 30");
  write_text(root() / "train/subject_train.txt", "1\n3\n1\n");
  write_text(root() / "train/y_train.txt", "1\n0\n1\n");
  expect_error(convert(), StatusCode::kDataLoss, "y_train.txt' line 2");
  write_text(root() / "train/y_train.txt", "1\n1 2\n1\n");
  expect_error(convert(), StatusCode::kDataLoss, "y_train.txt' line 2");
  write_text(root() / "train/y_train.txt", "1\n1\n");
  expect_error(convert(), StatusCode::kDataLoss, "y_train.txt' has 2 lines; the subjects' file has 3");
}

TEST(Conversion, RefusesAnotherNameAndAnotherFolder) {
  const TemporaryFolder folder;
  expect_error(convert_data_set("cifar", folder.path(), folder / "out"), StatusCode::kInvalidArgument,
               "choose har or fsdd");
  expect_error(convert_data_set("fashion-mnist", folder.path(), folder / "out"), StatusCode::kInvalidArgument,
               "read as it is published");
  expect_error(convert_data_set("har", folder / "absent", folder / "out"), StatusCode::kNotFound, "absent");
  expect_error(convert_data_set("har", folder.path(), folder / "out"), StatusCode::kNotFound,
               "UCI HAR Dataset");
  expect_error(convert_data_set("fsdd", folder.path(), folder / "out"), StatusCode::kNotFound,
               "holds no recordings");
}

// ---- FSDD ----

struct Wave {
  int rate = 8000;
  int channels = 1;
  int format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  std::vector<std::int16_t> samples;
};

std::vector<std::int16_t> tone(double hz, std::size_t samples) {
  std::vector<std::int16_t> wave(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    wave[i] = static_cast<std::int16_t>(8000 * std::sin(2 * M_PI * hz * static_cast<double>(i) / 8000));
  }
  return wave;
}

void write_wave(const std::filesystem::path& path, const Wave& wave) {
  std::filesystem::create_directories(path.parent_path());
  SF_INFO info{};
  info.samplerate = wave.rate;
  info.channels = wave.channels;
  info.format = wave.format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr) << path;
  const auto count = static_cast<sf_count_t>(wave.samples.size());
  EXPECT_EQ(sf_write_short(file, wave.samples.data(), count), count);
  sf_close(file);
}

class FsddConversion : public testing::Test {
 protected:
  [[nodiscard]] Status convert() const { return convert_data_set("fsdd", folder_.path(), folder_ / "out"); }
  [[nodiscard]] std::filesystem::path recording(const std::string& name) const {
    return folder_ / "recordings" / name;
  }
  TemporaryFolder folder_;
};

TEST_F(FsddConversion, WritesRowsByDigitThenTake) {
  write_wave(recording("7_theo_10.wav"), {.samples = tone(500, 3000)});
  write_wave(recording("7_theo_9.wav"), {.samples = tone(900, 12'000)});
  write_wave(recording("0_theo_40.wav"), {.samples = tone(300, 1)});
  write_wave(recording("3_lucas_0.wav"), {.samples = tone(300, 4000)});
  write_text(recording("notes.txt"), "not a recording");
  ASSERT_TRUE(convert().ok()) << convert().message();
  const auto cepstra = read_npy<std::int16_t>(folder_ / "out/theo_x.npy");
  ASSERT_TRUE(cepstra);
  EXPECT_THAT(cepstra->shape, ElementsAre(3, 49, 10));
  EXPECT_THAT(read_npy<std::uint8_t>(folder_ / "out/theo_y.npy").value().values, ElementsAre(0, 7, 7));
  EXPECT_THAT(read_npy<std::uint8_t>(folder_ / "out/theo_k.npy").value().values, ElementsAre(40, 9, 10));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/lucas_x.npy"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/george_x.npy"));
  CepstraExtractor extractor;
  const auto expected = extractor.extract(tone(500, 3000));
  for (std::size_t i = 0; i < kCepstra; ++i)
    EXPECT_NEAR(cepstra->values[2 * kCepstra + i], 256 * expected[i], 0.51);
}

TEST_F(FsddConversion, MakesFilesThatTheLoaderReads) {
  for (const std::string_view speaker : kFsddSpeakers) {
    for (const char* take : {"4", "5"}) {
      write_wave(recording("1_" + std::string(speaker) + "_" + take + ".wav"), {.samples = tone(400, 2000)});
    }
  }
  ASSERT_TRUE(convert().ok());
  const auto data = load_data_set({.name = "fsdd", .directory = folder_ / "out"});
  ASSERT_TRUE(data) << data.error().message();
  EXPECT_EQ(data->devices.size(), 6u);
  EXPECT_EQ(data->test.count(), 6u);
}

TEST_F(FsddConversion, NamesARecordingOfAnotherRateChannelCountOrFormat) {
  const auto path = recording("0_theo_0.wav");
  write_wave(path, {.rate = 16'000, .samples = tone(300, 800)});
  expect_error(convert(), StatusCode::kDataLoss, "0_theo_0.wav' has 16000 Hz and 1 channels");
  write_wave(path, {.channels = 2, .samples = tone(300, 800)});
  expect_error(convert(), StatusCode::kDataLoss, "8000 Hz and 2 channels");
  write_wave(path, {.format = SF_FORMAT_WAV | SF_FORMAT_PCM_U8, .samples = tone(300, 800)});
  expect_error(convert(), StatusCode::kDataLoss, "16-bit");
  write_wave(path, {.samples = {}});
  expect_error(convert(), StatusCode::kDataLoss, "holds no samples");
  write_text(path, "RIFF but not really");
  expect_error(convert(), StatusCode::kDataLoss, "0_theo_0.wav' cannot be read");
}

TEST_F(FsddConversion, NamesARecordingWhoseNameIsWrong) {
  const std::pair<const char*, const char*> cases[]{
      {"theo.wav", "three parts"},    {"0_theo.wav", "three parts"}, {"x_theo_1.wav", "digit"},
      {"10_theo_1.wav", "digit"},     {"1_theo_256.wav", "take"},    {"1_theo_.wav", "take"},
      {"1_somebody_1.wav", "speaker"}};
  for (const auto& [name, complaint] : cases) {
    write_text(recording(name), "");
    expect_error(convert(), StatusCode::kInvalidArgument, complaint);
    expect_error(convert(), StatusCode::kInvalidArgument, name);
    std::filesystem::remove(recording(name));
  }
  write_wave(recording("1_theo_1.wav"), {.samples = tone(300, 800)});
  write_wave(recording("1_theo_01.wav"), {.samples = tone(300, 800)});
  expect_error(convert(), StatusCode::kInvalidArgument, "twice");
}

TEST(Cepstra, EqualThePublishedRowsOfTheTestRecordings) {
  const auto directory = shared_data("fsdd");
  SOTTO_SKIP_WITHOUT(directory / "test_pcm.npy");
  const auto samples = read_npy<std::int16_t>(directory / "test_pcm.npy");
  const auto offsets = read_npy<std::int32_t>(directory / "test_pcm_offsets.npy");
  const auto names = read_npy<std::uint8_t>(directory / "test_pcm_speaker_digit_take.npy");
  ASSERT_TRUE(samples && offsets && names);
  ASSERT_EQ(offsets->values.size(), 301u);
  CepstraExtractor extractor;
  double worst = 0;
  for (std::size_t speaker = 0; speaker < kFsddSpeakers.size(); ++speaker) {
    const FsddPaths paths = fsdd_paths(directory, kFsddSpeakers[speaker]);
    const auto rows = read_npy<std::int16_t>(paths.cepstra);
    const auto digits = read_npy<std::uint8_t>(paths.digits);
    const auto takes = read_npy<std::uint8_t>(paths.takes);
    ASSERT_TRUE(rows && digits && takes);
    for (std::size_t i = 0; i < 300; ++i) {
      if (names->values[3 * i] != speaker) continue;
      std::size_t row = 0;
      while (digits->values.at(row) != names->values[3 * i + 1] ||
             takes->values.at(row) != names->values[3 * i + 2])
        ++row;
      const std::span recording(samples->values.data() + offsets->values[i],
                                samples->values.data() + offsets->values[i + 1]);
      const auto cepstra = extractor.extract(recording);
      for (std::size_t j = 0; j < kCepstra; ++j) {
        worst =
            std::max(worst, std::abs(std::nearbyint(256 * cepstra[j]) - rows->values[row * kCepstra + j]));
      }
    }
  }
  EXPECT_LE(worst, 1);
}

TEST(Cepstra, OfSilenceAreTheFloorAlone) {
  CepstraExtractor extractor;
  const auto cepstra = extractor.extract({});
  for (std::size_t i = 0; i < kCepstra; ++i) {
    EXPECT_NEAR(cepstra[i], i % kCepstraPerFrame == 0 ? std::sqrt(40.0) * std::log(1e-6) : 0, 1e-9);
  }
}

}  // namespace
}  // namespace sotto::simulation
