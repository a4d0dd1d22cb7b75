// `har`: UCI HAR, smartphone motion of 30 people at the waist; every training subject is a device.
#include <algorithm>
#include <array>

#include "data/har_format.h"
#include "data/loaders.h"
#include "data/signal/standardiser.h"
#include "data/signal/window_features.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr std::array<unsigned, 9> kTestSubjects{2, 4, 9, 10, 12, 13, 18, 20, 24};  // the published split
constexpr std::uint32_t kFeatures = kWindowBlocks * kHarChannels;

struct Subject {
  std::vector<double> x;  // features, not yet standardised
  std::vector<std::uint8_t> y;
};

Result<Subject> read_subject(const std::filesystem::path& directory, unsigned number) {
  const HarPaths paths = har_paths(directory, number);
  const std::string windows_name = paths.windows.string();
  const std::string labels_name = paths.labels.string();
  auto windows = read_npy<std::int16_t>(paths.windows);
  if (!windows) return windows.error();
  auto labels = read_npy<std::uint8_t>(paths.labels);
  if (!labels) return labels.error();
  SOTTO_RETURN_IF_ERROR(
      expect_shape(windows->shape, {kAnyLength, kWindowSamples, kHarChannels}, windows_name));
  SOTTO_RETURN_IF_ERROR(expect_shape(labels->shape, {windows->shape[0]}, labels_name));
  if (labels->values.empty()) return data_loss("'" + windows_name + "' holds no windows");
  SOTTO_RETURN_IF_ERROR(check_labels(labels->values, kHarClasses, labels_name));

  Subject subject;
  subject.x.reserve(labels->values.size() * kFeatures);
  std::array<double, kWindowSamples * kHarChannels> samples{};
  for (std::size_t window = 0; window < labels->values.size(); ++window) {
    const std::int16_t* from = windows->values.data() + window * samples.size();
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = from[i] / har_scale(i % kHarChannels);
    append_window_features(samples, kHarChannels, subject.x);
  }
  subject.y = std::move(labels->values);
  return subject;
}

}  // namespace

Result<LoadedData> load_har(const DataOptions& options) {
  LoadedData loaded;
  FederatedData& data = loaded.data;
  data.name = "har";
  data.features = kFeatures;
  data.classes = kHarClasses;
  data.input.features = "blocks of 9 channels of motion at the waist";
  data.input.unit = "standard deviations";
  data.class_names = {"walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying"};
  std::vector<Subject> training;
  std::vector<Subject> test;
  for (unsigned number = 1; number <= kHarSubjects; ++number) {
    auto subject = read_subject(options.directory, number);
    if (!subject) return subject.error();
    if (std::ranges::binary_search(kTestSubjects, number)) {
      test.push_back(std::move(*subject));
    } else {
      training.push_back(std::move(*subject));
      data.device_names.push_back("subject-" + har_number(number));
    }
  }
  std::vector<double> pool;
  for (const Subject& subject : training) pool.insert(pool.end(), subject.x.begin(), subject.x.end());
  const Standardiser standardiser(pool, kFeatures);
  for (const Subject& subject : training) {
    client::Examples& device = data.devices.emplace_back();
    device.features = kFeatures;
    standardiser.append(subject.x, device.x);
    device.y = subject.y;
  }
  data.test.features = kFeatures;
  for (const Subject& subject : test) {
    standardiser.append(subject.x, data.test.x);
    data.test.y.insert(data.test.y.end(), subject.y.begin(), subject.y.end());
  }
  loaded.default_devices = static_cast<std::uint32_t>(data.devices.size());
  return loaded;
}

}  // namespace sotto::simulation
