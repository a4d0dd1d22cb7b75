// `folder`: a fleet somebody wrote down; every folder in it is a device, test/ is the test set.
#include <fmt/core.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "data/format/file.h"
#include "data/loaders.h"
#include "sotto/proto/messages.h"

namespace sotto::simulation {
namespace {

constexpr std::string_view kTestFolder = "test";
constexpr std::string_view kLabelsFile = "labels.txt";
constexpr std::size_t kClassesMax = 256;  // a label is a byte

// The names of its folders but test/, sorted: the order of a directory is the file system's.
Result<std::vector<std::string>> device_folders(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const std::string name = entry->path().filename().string();
    if (!entry->is_directory(gone) || name == kTestFolder || name.starts_with('.')) continue;
    if (!proto::valid_name(name)) {
      return invalid_argument(
          fmt::format("'{}' cannot be a device's name: 1 to 64 bytes of A-Z a-z 0-9 . _ -", name));
    }
    names.push_back(name);
  }
  if (error) {
    return io_error(fmt::format("folder '{}' cannot be listed: {}", directory.string(), error.message()));
  }
  if (names.empty()) {
    return not_found(
        fmt::format("'{}' holds no folder of a device; each has x.npy and y.npy", directory.string()));
  }
  std::ranges::sort(names);
  return names;
}

// Names of the classes, a line for each; none when the file is not there.
Result<std::vector<std::string>> read_class_names(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::vector<std::string>{};
  const auto content = read_file(path);
  if (!content) return content.error();
  std::vector<std::string> names(1);
  for (const std::uint8_t byte : *content) {
    if (byte == '\n') {
      names.emplace_back();
    } else {
      names.back() += static_cast<char>(byte);
    }
    if (names.size() > kClassesMax + 1) {
      return data_loss(fmt::format("'{}' names more than {} classes", path.string(), kClassesMax));
    }
  }
  if (names.back().empty()) names.pop_back();
  return names;
}

// Reads one folder's examples; the first sets the number of features, the others must have it.
Result<client::Examples> read_examples(const std::filesystem::path& directory, std::uint32_t& features) {
  auto examples = load_examples(directory);
  if (!examples) return examples;
  if (features == 0) features = examples->features;
  if (examples->features == features) return examples;
  return data_loss(fmt::format("'{}' has {} features, the folders before it have {}", directory.string(),
                               examples->features, features));
}

// Those of the devices' own test folders: all devices have one, or none.
Status read_device_tests(const std::filesystem::path& directory, FederatedData& data) {
  for (const std::string& name : data.device_names) {
    const std::filesystem::path own = directory / name / kTestFolder;
    std::error_code error;
    if (!std::filesystem::exists(own, error)) continue;
    auto examples = read_examples(own, data.features);
    if (!examples) return examples.error();
    data.device_tests.push_back(std::move(*examples));
  }
  if (data.device_tests.empty() || data.device_tests.size() == data.devices.size()) return {};
  return data_loss(fmt::format("{} of {} devices in '{}' have a test folder of their own: all must, or none",
                               data.device_tests.size(), data.devices.size(), directory.string()));
}

// Every label must be named, when any is.
Status name_classes(const std::filesystem::path& directory, FederatedData& data) {
  std::uint32_t classes = 2;  // at least
  const auto count = [&classes](const client::Examples& examples) {
    for (const std::uint8_t label : examples.y) classes = std::max(classes, label + 1u);
  };
  std::ranges::for_each(data.devices, count);
  std::ranges::for_each(data.device_tests, count);
  count(data.test);
  auto names = read_class_names(directory / kLabelsFile);
  if (!names) return names.error();
  if (!names->empty() && names->size() < classes) {
    return data_loss(fmt::format("'{}' names {} classes, but there are examples with label {}",
                                 (directory / kLabelsFile).string(), names->size(), classes - 1));
  }
  if (names->empty()) {
    for (std::uint32_t label = 0; label < classes; ++label) names->push_back(std::to_string(label));
  }
  data.class_names = std::move(*names);
  data.classes = static_cast<std::uint32_t>(data.class_names.size());
  return {};
}

}  // namespace

Result<LoadedData> load_folder(const DataOptions& options) {
  LoadedData loaded;
  FederatedData& data = loaded.data;
  data.name = "folder";
  auto names = device_folders(options.directory);
  if (!names) return names.error();
  data.device_names = std::move(*names);
  for (const std::string& name : data.device_names) {
    auto examples = read_examples(options.directory / name, data.features);
    if (!examples) return examples.error();
    data.devices.push_back(std::move(*examples));
  }
  auto test = read_examples(options.directory / kTestFolder, data.features);
  if (!test) return test.error();
  data.test = std::move(*test);
  SOTTO_RETURN_IF_ERROR(read_device_tests(options.directory, data));
  SOTTO_RETURN_IF_ERROR(name_classes(options.directory, data));
  auto input = load_input_schema(options.directory / data.device_names.front());
  if (!input) return input.error();
  data.input = *input;
  loaded.default_devices = static_cast<std::uint32_t>(data.devices.size());
  return loaded;
}

}  // namespace sotto::simulation
