// `motion`: accelerometer windows drawn from a model of everyday activities; needs no files.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "data/loaders.h"
#include "data/signal/motion_signal.h"
#include "data/signal/standardiser.h"

namespace sotto::simulation {
namespace {

constexpr std::uint32_t kDevicesDefault = 100;
constexpr std::uint32_t kDevicesMax = 100'000;
constexpr std::uint32_t kClasses = kActivityNames.size();
constexpr std::size_t kChannels = kMotionAxes + 1;  // and the magnitude, which no mounting changes
constexpr std::uint32_t kFeatures = kWindowBlocks * kChannels;
constexpr std::size_t kWindowsMin = 40;
constexpr std::size_t kWindowsMax = 80;
constexpr double kLabelSkew = 0.4;  // Dirichlet alpha: what a wearer does all day
constexpr std::size_t kTestWearers = 25;
constexpr std::size_t kTestWindowsPerActivity = 8;
constexpr std::size_t kReferenceWearers = 40;
constexpr std::size_t kReferenceWindowsPerActivity = 4;
constexpr std::uint64_t kReferenceSeed = 1;
constexpr float kLargest = 5;  // in deviations: a stumble must not outweigh a day

struct RawExamples {
  std::vector<double> x;
  std::vector<std::uint8_t> y;
};

void append_window(std::size_t activity, const Wearer& wearer, Sampler& sampler, RawExamples& examples) {
  const MotionWindow window = draw_window(activity, wearer, sampler);
  std::array<double, kWindowSamples * kChannels> samples{};
  for (std::size_t i = 0; i < kWindowSamples; ++i) {
    const double* axes = window.data() + i * kMotionAxes;
    double* to = samples.data() + i * kChannels;
    for (std::size_t axis = 0; axis < kMotionAxes; ++axis) to[axis] = axes[axis];
    to[kMotionAxes] = std::sqrt(axes[0] * axes[0] + axes[1] * axes[1] + axes[2] * axes[2]);
  }
  append_window_features(samples, kChannels, examples.x);
  examples.y.push_back(static_cast<std::uint8_t>(activity));
}

// One wearer's day: mostly a few of the activities.
RawExamples draw_training(Sampler& sampler) {
  RawExamples examples;
  const Wearer wearer = draw_wearer(sampler);
  const std::vector<double> shares = sampler.dirichlet(kLabelSkew, kClasses);
  const std::size_t windows = kWindowsMin + sampler.below(kWindowsMax - kWindowsMin + 1);
  for (std::size_t i = 0; i < windows; ++i) {
    double draw = sampler.uniform();
    std::size_t activity = 0;
    while (activity + 1 < kClasses && draw >= shares[activity]) draw -= shares[activity++];
    append_window(activity, wearer, sampler, examples);
  }
  return examples;
}

RawExamples draw_balanced(Sampler& sampler, std::size_t windows_per_activity) {
  RawExamples examples;
  const Wearer wearer = draw_wearer(sampler);
  for (std::size_t i = 0; i < windows_per_activity * kClasses; ++i) {
    append_window(i % kClasses, wearer, sampler, examples);
  }
  return examples;
}

// Scales come from the model's population, never from anybody's training or test windows: a fleet could ship
// them.
Standardiser population_standardiser() {
  std::vector<double> reference;
  for (std::size_t i = 0; i < kReferenceWearers; ++i) {
    Sampler sampler({kReferenceSeed, "motion reference", i});
    const RawExamples examples = draw_balanced(sampler, kReferenceWindowsPerActivity);
    reference.insert(reference.end(), examples.x.begin(), examples.x.end());
  }
  return Standardiser(reference, kFeatures);
}

void append_scaled(const Standardiser& standardiser, const RawExamples& raw, client::Examples& examples) {
  examples.features = kFeatures;
  standardiser.append(raw.x, examples.x);
  for (float& value : examples.x) value = std::clamp(value, -kLargest, kLargest);
  examples.y.insert(examples.y.end(), raw.y.begin(), raw.y.end());
}

}  // namespace

Result<LoadedData> load_motion(const DataOptions& options) {
  const std::uint32_t devices = options.devices == 0 ? kDevicesDefault : options.devices;
  if (devices > kDevicesMax) {
    return invalid_argument(
        fmt::format("motion is generated for at most {} devices; {} were asked for", kDevicesMax, devices));
  }
  const Standardiser standardiser = population_standardiser();
  LoadedData loaded;
  FederatedData& data = loaded.data;
  data.name = "motion";
  data.features = kFeatures;
  data.classes = kClasses;
  data.input.features = "blocks of x, y, z and magnitude of acceleration";
  data.input.unit = "standard deviations";
  data.class_names.assign(kActivityNames.begin(), kActivityNames.end());
  for (std::uint32_t i = 0; i < devices; ++i) {
    Sampler sampler({options.seed, "motion device", i});
    append_scaled(standardiser, draw_training(sampler), data.devices.emplace_back());
    data.device_names.push_back(fmt::format("wearer-{}", i + 1));
  }
  for (std::size_t i = 0; i < kTestWearers; ++i) {
    Sampler sampler({options.seed, "motion test", i});
    append_scaled(standardiser, draw_balanced(sampler, kTestWindowsPerActivity), data.test);
  }
  loaded.default_devices = devices;
  return loaded;
}

}  // namespace sotto::simulation
