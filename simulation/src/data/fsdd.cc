// `fsdd`: spoken digits; every speaker is a device.
#include "data/fsdd_format.h"

#include <fmt/core.h>
#include "data/loaders.h"
#include "data/signal/cepstra.h"
#include "data/signal/standardiser.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr std::uint32_t kFeatures = kCepstra;
constexpr double kDeviationFloor = 1e-6;

struct Recordings {
  std::vector<double> x;  // cepstra, not yet standardised
  std::vector<std::uint8_t> y;
};

struct Speaker {
  Recordings training;
  Recordings test;
};

Result<Speaker> read_speaker(const std::filesystem::path& directory, std::string_view name) {
  const FsddPaths paths = fsdd_paths(directory, name);
  const auto cepstra = read_npy<std::int16_t>(paths.cepstra);
  if (!cepstra) return cepstra.error();
  const auto digits = read_npy<std::uint8_t>(paths.digits);
  if (!digits) return digits.error();
  const auto takes = read_npy<std::uint8_t>(paths.takes);
  if (!takes) return takes.error();
  const std::string cepstra_name = paths.cepstra.string();
  SOTTO_RETURN_IF_ERROR(
      expect_shape(cepstra->shape, {kAnyLength, kCepstraFrames, kCepstraPerFrame}, cepstra_name));
  SOTTO_RETURN_IF_ERROR(expect_shape(digits->shape, {cepstra->shape[0]}, paths.digits.string()));
  SOTTO_RETURN_IF_ERROR(expect_shape(takes->shape, {cepstra->shape[0]}, paths.takes.string()));
  SOTTO_RETURN_IF_ERROR(check_labels(digits->values, kFsddClasses, paths.digits.string()));
  Speaker speaker;
  for (std::size_t i = 0; i < digits->values.size(); ++i) {
    Recordings& part = takes->values[i] < kFsddTestTakes ? speaker.test : speaker.training;
    const std::int16_t* row = cepstra->values.data() + i * kCepstra;
    for (std::size_t j = 0; j < kCepstra; ++j) part.x.push_back(row[j] / kFsddScale);
    part.y.push_back(digits->values[i]);
  }
  if (speaker.training.y.empty() || speaker.test.y.empty()) {
    return data_loss(fmt::format("'{}' names no training takes or no test takes (below {})",
                                 paths.takes.string(), kFsddTestTakes));
  }
  return speaker;
}

void append(const Recordings& recordings, const Standardiser& standardiser, client::Examples& examples) {
  examples.features = kFeatures;
  standardiser.append(recordings.x, examples.x);
  examples.y.insert(examples.y.end(), recordings.y.begin(), recordings.y.end());
}

}  // namespace

Result<LoadedData> load_fsdd(const DataOptions& options) {
  std::vector<Speaker> speakers;
  std::vector<double> pool;
  for (const std::string_view name : kFsddSpeakers) {
    auto speaker = read_speaker(options.directory, name);
    if (!speaker) return speaker.error();
    pool.insert(pool.end(), speaker->training.x.begin(), speaker->training.x.end());
    speakers.push_back(std::move(*speaker));
  }
  const Standardiser standardiser(pool, kFeatures, kDeviationFloor);
  LoadedData loaded;
  FederatedData& data = loaded.data;
  data.name = "fsdd";
  data.features = kFeatures;
  data.classes = kFsddClasses;
  data.input.features = "cepstra of a spoken word";
  data.input.unit = "standard deviations";
  data.class_names = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  for (std::size_t i = 0; i < speakers.size(); ++i) {
    data.device_names.emplace_back(kFsddSpeakers[i]);
    append(speakers[i].training, standardiser, data.devices.emplace_back());
    append(speakers[i].test, standardiser, data.test);
  }
  loaded.default_devices = static_cast<std::uint32_t>(data.devices.size());
  return loaded;
}

}  // namespace sotto::simulation
