#include "sotto/simulation/data_set.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/format/file.h"
#include "data/signal/motion_signal.h"
#include "data/signal/standardiser.h"
#include "data/signal/window_features.h"
#include "data_test_support.h"
#include "sotto/host/file.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

std::size_t training_count(const FederatedData& data) {
  std::size_t count = 0;
  for (const client::Examples& device : data.devices) count += device.count();
  return count;
}

// What every data set promises, whatever its source.
void expect_consistent(const FederatedData& data) {
  ASSERT_EQ(data.device_names.size(), data.devices.size());
  EXPECT_EQ(std::set<std::string>(data.device_names.begin(), data.device_names.end()).size(),
            data.devices.size());
  EXPECT_EQ(data.class_names.size(), data.classes);
  auto all = data.devices;
  all.push_back(data.test);
  for (const client::Examples& examples : all) {
    EXPECT_GT(examples.count(), 0u);
    EXPECT_EQ(examples.features, data.features);
    ASSERT_EQ(examples.x.size(), examples.count() * data.features);
    EXPECT_TRUE(std::ranges::all_of(examples.y, [&](std::uint8_t label) { return label < data.classes; }));
    EXPECT_TRUE(std::ranges::all_of(examples.x, [](float value) { return std::isfinite(value); }));
  }
}

FederatedData load(const DataOptions& options) {
  auto data = load_data_set(options);
  if (!data) {
    ADD_FAILURE() << data.error().message();
    return {};
  }
  expect_consistent(*data);
  return std::move(*data);
}

// Largest distance from mean 0 and deviation 1 of any feature over all training examples.
double standardisation_error(const FederatedData& data) {
  std::vector<double> sum(data.features);
  std::vector<double> squares(data.features);
  for (const client::Examples& device : data.devices) {
    for (std::size_t i = 0; i < device.x.size(); ++i) {
      sum[i % data.features] += device.x[i];
      squares[i % data.features] += double{device.x[i]} * device.x[i];
    }
  }
  const auto count = static_cast<double>(training_count(data));
  double worst = 0;
  for (std::size_t i = 0; i < data.features; ++i) {
    const double mean = sum[i] / count;
    const double deviation = std::sqrt(squares[i] / count - mean * mean);
    worst = std::max({worst, std::abs(mean), std::abs(deviation - 1)});
  }
  return worst;
}

TEST(DataSet, RefusesAnUnknownNameAndAMissingFolder) {
  expect_error(load_data_set({.name = "mnist"}), StatusCode::kInvalidArgument,
               "'mnist'; there are motion, har");
  expect_error(load_data_set({.name = "har"}), StatusCode::kInvalidArgument, "say in which folder");
  expect_error(load_data_set({.name = "fsdd", .directory = "/does/not/exist"}), StatusCode::kNotFound,
               "/does/not/exist");
  const TemporaryFolder empty;
  expect_error(load_data_set({.name = "har", .directory = empty.path()}), StatusCode::kNotFound, "s01_x.npy");
  expect_error(load_data_set({.name = "fsdd", .directory = empty.path()}), StatusCode::kNotFound,
               "george_x.npy");
  expect_error(load_data_set({.name = "fashion-mnist", .directory = empty.path()}), StatusCode::kNotFound,
               "train-images-idx3-ubyte");
}

// ---- motion ----

TEST(Motion, MakesAHundredDevicesAndABalancedTestSetOfOthers) {
  const FederatedData data = load({.name = "motion"});
  EXPECT_EQ(data.devices.size(), 100u);
  EXPECT_EQ(data.classes, 6u);
  EXPECT_EQ(data.features, 84u);
  for (const client::Examples& device : data.devices) {
    EXPECT_GE(device.count(), 40u);
    EXPECT_LE(device.count(), 80u);
  }
  for (std::uint8_t label = 0; label < 6; ++label) {
    EXPECT_EQ(std::ranges::count(data.test.y, label), static_cast<std::ptrdiff_t>(data.test.count() / 6));
  }
}

TEST(Motion, RepeatsForASeedAndChangesWithIt) {
  const FederatedData first = load({.name = "motion", .devices = 5, .seed = 4});
  const FederatedData again = load({.name = "motion", .devices = 5, .seed = 4});
  const FederatedData other = load({.name = "motion", .devices = 5, .seed = 5});
  EXPECT_EQ(first.test.x, again.test.x);
  EXPECT_NE(first.test.x, other.test.x);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(first.devices[i].x, again.devices[i].x);
    EXPECT_NE(first.devices[i].x, other.devices[i].x);
  }
}

TEST(Motion, KeepsADevicesExamplesWhateverTheFleetsSize) {
  const FederatedData few = load({.name = "motion", .devices = 3, .seed = 1});
  const FederatedData more = load({.name = "motion", .devices = 120, .seed = 1});
  ASSERT_EQ(more.devices.size(), 120u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(few.devices[i].x, more.devices[i].x);
  EXPECT_EQ(few.test.x, more.test.x);
}

TEST(Motion, SkewsLabelsSoThatMostDevicesLackSome) {
  const FederatedData data = load({.name = "motion", .seed = 2});
  std::size_t lacking = 0;
  std::set<std::uint8_t> seen;
  for (const client::Examples& device : data.devices) {
    const std::set<std::uint8_t> labels(device.y.begin(), device.y.end());
    lacking += labels.size() < data.classes ? 1 : 0;
    seen.insert(labels.begin(), labels.end());
  }
  EXPECT_GT(lacking, 50u);
  EXPECT_EQ(seen.size(), data.classes);
}

TEST(Motion, RefusesAFleetItCannotHold) {
  expect_error(load_data_set({.name = "motion", .devices = 100'001}), StatusCode::kInvalidArgument,
               "100000 devices");
}

TEST(Motion, DealsAnewForTheDirichletPartition) {
  const FederatedData natural = load({.name = "motion", .devices = 30});
  const FederatedData even =
      load({.name = "motion", .devices = 30, .partition = Partition::kDirichlet, .dirichlet_alpha = 1000});
  EXPECT_EQ(even.devices.size(), 30u);
  EXPECT_EQ(training_count(even), training_count(natural));
  EXPECT_EQ(even.test.x, natural.test.x);
  for (const client::Examples& device : even.devices) {
    EXPECT_EQ(std::set<std::uint8_t>(device.y.begin(), device.y.end()).size(), 6u);
  }
  expect_error(
      load_data_set(
          {.name = "motion", .devices = 3, .partition = Partition::kDirichlet, .dirichlet_alpha = 0}),
      StatusCode::kInvalidArgument, "alpha");
}

TEST(MotionSignal, MeasuresOneGAtRestAndMoreWorkTheHarderTheMovement) {
  Sampler sampler({9, "signal"});
  const auto spread_of = [&](std::size_t activity) {
    double total = 0;
    for (int repeat = 0; repeat < 40; ++repeat) {
      const Wearer wearer = draw_wearer(sampler);
      const MotionWindow window = draw_window(activity, wearer, sampler);
      double sum = 0;
      double squares = 0;
      for (std::size_t i = 0; i < kWindowSamples; ++i) {
        const double* axes = window.data() + i * kMotionAxes;
        const double magnitude = std::hypot(axes[0], axes[1], axes[2]);
        sum += magnitude;
        squares += magnitude * magnitude;
      }
      const double mean = sum / kWindowSamples;
      if (activity == 0) {
        EXPECT_NEAR(mean, 1, 0.2);
      }
      total += std::sqrt(std::max(0.0, squares / kWindowSamples - mean * mean));
    }
    return total / 40;
  };
  const double still = spread_of(0);
  const double walking = spread_of(1);
  const double running = spread_of(2);
  EXPECT_LT(still, 0.03);
  EXPECT_GT(walking, 3 * still);
  EXPECT_GT(running, 2 * walking);
}

TEST(WindowFeatures, DescribeASineWaveOnAnOffset) {
  std::vector<double> samples(kWindowSamples * 2);
  for (std::size_t i = 0; i < kWindowSamples; ++i) {
    samples[2 * i] = 3 + std::sin(2 * M_PI * 4 * static_cast<double>(i) / kWindowSamples);
    samples[2 * i + 1] = -1;
  }
  std::vector<double> features;
  append_window_features(samples, 2, features);
  ASSERT_EQ(features.size(), 2 * kWindowBlocks);
  EXPECT_NEAR(features[0], 3, 1e-12);
  EXPECT_NEAR(features[2], std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(features[4], 2, 1e-12);
  EXPECT_NEAR(features[6], 4, 1e-12);
  EXPECT_NEAR(features[8], 4.0 * 4 / 127, 1e-2);  // four waves of a total climb and fall of 4
  for (std::size_t bin = 1; bin <= kWindowBins; ++bin) {
    EXPECT_NEAR(features[2 * (4 + bin)], bin == 4 ? kWindowSamples / 2.0 : 0, 1e-9) << bin;
    EXPECT_NEAR(features[2 * (4 + bin) + 1], 0, 1e-9);
  }
  EXPECT_EQ(features[1], -1);
  EXPECT_EQ(features[3], 0);
}

TEST(Standardiser, LeavesAFeatureThatNeverChangesFinite) {
  const std::vector<double> examples{1, 7, 3, 7, 5, 7};
  const Standardiser standardiser(examples, 2);
  std::vector<float> out;
  standardiser.append(examples, out);
  EXPECT_NEAR(out[0], -std::sqrt(1.5), 1e-6);
  EXPECT_EQ(out[1], 0);
  EXPECT_NEAR(out[4], std::sqrt(1.5), 1e-6);
}

// ---- published data, when present ----

TEST(Har, HasTheOfficialSubjectsAndWindows) {
  const auto directory = shared_data("uci_har");
  SOTTO_SKIP_WITHOUT(directory / "s01_x.npy");
  const FederatedData data = load({.name = "har", .directory = directory});
  EXPECT_EQ(data.devices.size(), 21u);
  EXPECT_EQ(data.features, 189u);
  EXPECT_EQ(training_count(data), 7352u);
  EXPECT_EQ(data.test.count(), 2947u);
  EXPECT_EQ(data.device_names[0], "subject-01");
  EXPECT_EQ(data.device_names[1], "subject-03");
  EXPECT_LT(standardisation_error(data), 1e-4);
  const std::vector<std::ptrdiff_t> test_labels{496, 471, 420, 491, 532, 537};
  for (std::uint8_t label = 0; label < 6; ++label) {
    EXPECT_EQ(std::ranges::count(data.test.y, label), test_labels[label]);
  }
}

TEST(Har, KeepsTheFirstDevicesAndRefusesMoreThanThereAre) {
  const auto directory = shared_data("uci_har");
  SOTTO_SKIP_WITHOUT(directory / "s01_x.npy");
  const FederatedData data = load({.name = "har", .directory = directory, .devices = 4});
  EXPECT_THAT(data.device_names,
              testing::ElementsAre("subject-01", "subject-03", "subject-05", "subject-06"));
  EXPECT_EQ(data.test.count(), 2947u);
  expect_error(load_data_set({.name = "har", .directory = directory, .devices = 22}),
               StatusCode::kInvalidArgument, "har has 21 devices; 22 were asked for");
  const FederatedData dealt =
      load({.name = "har", .directory = directory, .devices = 100, .partition = Partition::kDirichlet});
  EXPECT_EQ(dealt.devices.size(), 100u);
  EXPECT_EQ(training_count(dealt), 7352u);
}

TEST(FashionMnist, KeepsTheClientsOfTheCompactFiles) {
  const auto directory = shared_data("fashion_mnist");
  SOTTO_SKIP_WITHOUT(directory / "train10k-client50.npy");
  const FederatedData data = load({.name = "fashion-mnist", .directory = directory});
  EXPECT_EQ(data.devices.size(), 50u);
  EXPECT_EQ(data.features, 784u);
  EXPECT_EQ(training_count(data), 10'000u);
  EXPECT_EQ(data.test.count(), 2000u);
  std::vector<std::size_t> sizes;
  for (const client::Examples& device : data.devices) sizes.push_back(device.count());
  EXPECT_EQ(*std::ranges::min_element(sizes), 16u);
  EXPECT_EQ(*std::ranges::max_element(sizes), 493u);
  EXPECT_EQ(*std::ranges::min_element(data.test.x), 0.0f);
  EXPECT_EQ(*std::ranges::max_element(data.test.x), 1.0f);
}

TEST(Fsdd, HasSixSpeakersAndTheOfficialTestTakes) {
  const auto directory = shared_data("fsdd");
  SOTTO_SKIP_WITHOUT(directory / "theo_x.npy");
  const FederatedData data = load({.name = "fsdd", .directory = directory});
  EXPECT_THAT(data.device_names,
              testing::ElementsAre("george", "jackson", "lucas", "nicolas", "theo", "yweweler"));
  EXPECT_EQ(data.features, 490u);
  EXPECT_EQ(training_count(data), 2700u);
  EXPECT_EQ(data.test.count(), 300u);
  EXPECT_LT(standardisation_error(data), 1e-4);
}

// ---- small files made here ----

class SmallFashion : public testing::Test {
 protected:
  // Pictures whose every pixel is their label, in the published form.
  void write_part(const std::string& stem, char separator, std::uint32_t count,
                  const std::string& suffix = "") {
    const auto length = [](std::uint32_t value) {
      return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                         static_cast<char>(value >> 8), static_cast<char>(value)};
    };
    std::string images = std::string("\0\0\x08\x03", 4) + length(count) + length(28) + length(28);
    std::string labels = std::string("\0\0\x08\x01", 4) + length(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      images.append(28 * 28, static_cast<char>(i % 10));
      labels += static_cast<char>(i % 10);
    }
    write_text(folder_ / (stem + "-images" + separator + "idx3-ubyte" + suffix), images);
    write_text(folder_ / (stem + "-labels" + separator + "idx1-ubyte" + suffix), labels);
  }
  [[nodiscard]] DataOptions options(std::uint32_t devices = 0) const {
    return {.name = "fashion-mnist", .directory = folder_.path(), .devices = devices};
  }
  TemporaryFolder folder_;
};

TEST_F(SmallFashion, SplitsThePublishedFilesOverFiftyDevicesOrAnyNumber) {
  write_part("train", '-', 600);
  write_part("t10k", '.', 30);
  const FederatedData data = load(options());
  EXPECT_EQ(data.devices.size(), 50u);
  EXPECT_EQ(training_count(data), 600u);
  EXPECT_EQ(data.test.count(), 30u);
  for (const client::Examples& device : data.devices) {
    for (std::size_t i = 0; i < device.count(); ++i) {
      EXPECT_EQ(device.x[i * 784 + 5], static_cast<float>(device.y[i] / 255.0));
    }
  }
  EXPECT_EQ(load(options(60)).devices.size(), 60u);
  expect_error(load_data_set(options(76)), StatusCode::kInvalidArgument, "at most 75 devices");
}

TEST_F(SmallFashion, NamesWhatIsMissingCompressedShortOrInconsistent) {
  write_part("train", '-', 600);
  write_part("t10k", '-', 30, ".gz");
  expect_error(load_data_set(options()), StatusCode::kFailedPrecondition, "gunzip");
  write_part("t10k", '-', 30);
  std::filesystem::resize_file(folder_ / "t10k-images-idx3-ubyte", 1000);
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "t10k-images-idx3-ubyte' is cut off");
  write_part("t10k", '-', 31);
  std::filesystem::copy_file(folder_ / "train-labels-idx1-ubyte", folder_ / "t10k-labels-idx1-ubyte",
                             std::filesystem::copy_options::overwrite_existing);
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "has shape (600,); expected (31,)");
  write_text(folder_ / "t10k-labels-idx1-ubyte",
             std::string("\0\0\x08\x01\0\0\0\x1f", 8) + std::string(31, '\x0a'));
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "entry 0 is label 10");
}

TEST_F(SmallFashion, RefusesAClientThatDoesNotExistOrHasNoPictures) {
  write_part("train10k", '-', 100);
  write_part("test2k", '-', 10);
  std::vector<std::uint8_t> clients(100);
  for (std::size_t i = 0; i < 100; ++i) clients[i] = static_cast<std::uint8_t>(i % 50);
  const auto write = [&] {
    ASSERT_TRUE(write_npy<std::uint8_t>(folder_ / "train10k-client50.npy", {{100}, clients}).ok());
  };
  write();
  EXPECT_EQ(load(options()).devices.size(), 50u);
  clients[3] = 50;
  write();
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "entry 3 names client 50");
  clients[3] = clients[53] = 0;
  write();
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "client 3 no pictures");
}

TEST(Har, RefusesFilesOfAnotherShapeLengthOrLabel) {
  const TemporaryFolder folder;
  const DataOptions options{.name = "har", .directory = folder.path()};
  const auto write = [&](std::vector<std::uint64_t> shape, std::vector<std::uint8_t> labels) {
    std::uint64_t count = 1;
    for (const std::uint64_t length : shape) count *= length;
    ASSERT_TRUE(
        write_npy<std::int16_t>(folder / "s01_x.npy", {shape, std::vector<std::int16_t>(count)}).ok());
    ASSERT_TRUE(write_npy<std::uint8_t>(folder / "s01_y.npy", {{labels.size()}, labels}).ok());
  };
  write({2, 128, 6}, {0, 1});
  expect_error(load_data_set(options), StatusCode::kDataLoss, "expected (any, 128, 9)");
  write({2, 128, 9}, {0, 1, 2});
  expect_error(load_data_set(options), StatusCode::kDataLoss, "s01_y.npy' has shape (3,); expected (2,)");
  write({2, 128, 9}, {0, 6});
  expect_error(load_data_set(options), StatusCode::kDataLoss, "entry 1 is label 6");
  write({0, 128, 9}, {});
  expect_error(load_data_set(options), StatusCode::kDataLoss, "holds no windows");
  write({2, 128, 9}, {0, 5});
  expect_error(load_data_set(options), StatusCode::kNotFound, "s02_x.npy");
}

// ---- export ----

TEST(Export, ReturnsEachDevicesExamplesFromItsFolder) {
  const TemporaryFolder folder;
  const FederatedData data = load({.name = "motion", .devices = 3});
  ASSERT_TRUE(export_data_set(data, folder / "out").ok());
  for (std::size_t i = 0; i < 3; ++i) {
    const auto examples = load_examples(folder / "out" / data.device_names[i]);
    ASSERT_TRUE(examples) << examples.error().message();
    EXPECT_EQ(examples->features, data.features);
    EXPECT_EQ(examples->x, data.devices[i].x);
    EXPECT_EQ(examples->y, data.devices[i].y);
  }
  const auto test = load_examples(folder / "out" / "test");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->x, data.test.x);
  const auto names = read_file(folder / "out" / "labels.txt");
  ASSERT_TRUE(names);
  EXPECT_EQ(std::string(names->begin(), names->end()), "still\nwalking\nrunning\nstairs\ncycling\ndriving\n");
}

TEST(Export, SaysWhatTheExamplesAre) {
  const TemporaryFolder folder;
  const FederatedData data = load({.name = "motion", .devices = 1});
  ASSERT_TRUE(export_data_set(data, folder / "out").ok());
  const auto input = load_input_schema(folder / "out" / data.device_names[0]);
  ASSERT_TRUE(input) << input.error().message();
  EXPECT_EQ(*input, data.input);
  EXPECT_EQ(input->labels.view(), "still,walking,running,stairs,cycling,driving");
  EXPECT_EQ(input->unit.view(), "standard deviations");
}

TEST(LoadInputSchema, IsEmptyWithoutAFileAndNamesWhatIsWrongInOne) {
  const TemporaryFolder folder;
  const auto none = load_input_schema(folder.path());
  ASSERT_TRUE(none) << none.error().message();
  EXPECT_EQ(*none, proto::InputSchema{});
  const auto refused = [&](const std::string& text, const char* what) {
    ASSERT_TRUE(host::write_file(folder / "input.json", text_bytes(text), host::kPublicFile).ok());
    expect_error(load_input_schema(folder.path()), StatusCode::kInvalidArgument, what);
    expect_error(load_input_schema(folder.path()), StatusCode::kInvalidArgument, "input.json");
  };
  refused("", "is not a JSON object");
  refused("[]", "is not a JSON object");
  refused(R"({"units":"g"})", "input.units");
  refused(R"({"unit":3})", "input.unit must be a text");
  refused(R"({"unit":"g\n"})", "must be printable ASCII");
  refused(R"({"front_end":"a b"})", "input_front_end");
  refused(R"({"features":")" + std::string(65, 'f') + R"("})", "input.features must be at most 64 bytes");
}

TEST(Export, RefusesDeviceNamesThatLeaveTheFolder) {
  const TemporaryFolder folder;
  FederatedData data = load({.name = "motion", .devices = 1});
  for (const char* name : {"../escape", "a/b", "..", "", "test", ".hidden"}) {
    data.device_names = {name};
    expect_error(export_data_set(data, folder / "out"), StatusCode::kInvalidArgument, "device name");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "escape"));
}

TEST(LoadExamples, RefusesWhatATrainerCouldNotUse) {
  const TemporaryFolder folder;
  expect_error(load_examples(folder / "absent"), StatusCode::kNotFound, "absent");
  expect_error(load_examples(folder.path()), StatusCode::kNotFound, "x.npy");
  const auto write = [&](NpyArray<float> x, NpyArray<std::uint8_t> y) {
    ASSERT_TRUE(write_npy(folder / "x.npy", x).ok());
    ASSERT_TRUE(write_npy(folder / "y.npy", y).ok());
  };
  write({{4}, {1, 2, 3, 4}}, {{4}, {0, 0, 0, 0}});
  expect_error(load_examples(folder.path()), StatusCode::kDataLoss, "x.npy' has shape (4,)");
  write({{2, 2}, {1, 2, 3, 4}}, {{3}, {0, 0, 0}});
  expect_error(load_examples(folder.path()), StatusCode::kDataLoss, "y.npy' has shape (3,); expected (2,)");
  write({{0, 2}, {}}, {{0}, {}});
  expect_error(load_examples(folder.path()), StatusCode::kDataLoss, "holds no examples");
  write({{2, 0}, {}}, {{2}, {0, 0}});
  expect_error(load_examples(folder.path()), StatusCode::kDataLoss, "holds no examples");
  write({{2, 2}, {1, 2, NAN, 4}}, {{2}, {0, 0}});
  expect_error(load_examples(folder.path()), StatusCode::kDataLoss,
               "row 1 holds a value that is not a finite number");
}

}  // namespace
}  // namespace sotto::simulation
