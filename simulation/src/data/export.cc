// One folder per device, as `sotto device run --data` wants it.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "data/format/file.h"
#include "sotto/base/limits.h"
#include "sotto/host/file.h"
#include "sotto/proto/messages.h"
#include "sotto/proto/task_json.h"
#include "sotto/simulation/data_set.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr const char* kInputFile = "input.json";
constexpr std::size_t kInputFileBytesMax = 64 * 1024;

Status write_examples(const client::Examples& examples, const proto::InputSchema& input,
                      const std::filesystem::path& directory) {
  SOTTO_RETURN_IF_ERROR(make_directory(directory));
  const std::uint64_t count = examples.count();
  SOTTO_RETURN_IF_ERROR(write_npy<float>(directory / "x.npy", {{count, examples.features}, examples.x}));
  SOTTO_RETURN_IF_ERROR(write_npy<std::uint8_t>(directory / "y.npy", {{count}, examples.y}));
  return host::write_file(directory / kInputFile, text_bytes(proto::encode_input_schema(input)),
                          host::kPublicFile);
}

}  // namespace

Status export_data_set(const FederatedData& data, const std::filesystem::path& destination) {
  SOTTO_CHECK(data.device_names.size() == data.devices.size());
  SOTTO_RETURN_IF_ERROR(make_directory(destination));
  for (std::size_t i = 0; i < data.devices.size(); ++i) {
    const std::string& name = data.device_names[i];
    if (!proto::valid_name(name) || name == "test" || name.starts_with('.')) {
      return invalid_argument("device name '" + name + "' cannot be a folder beside 'test'");
    }
    SOTTO_RETURN_IF_ERROR(write_examples(data.devices[i], data.input, destination / name));
    if (!data.device_tests.empty()) {
      SOTTO_RETURN_IF_ERROR(write_examples(data.device_tests[i], data.input, destination / name / "test"));
    }
  }
  SOTTO_RETURN_IF_ERROR(write_examples(data.test, data.input, destination / "test"));
  std::string names;
  for (const std::string& name : data.class_names) names += name + "\n";
  return host::write_file(destination / "labels.txt", text_bytes(names), host::kPublicFile);
}

Result<client::Examples> load_examples(const std::filesystem::path& directory) {
  SOTTO_RETURN_IF_ERROR(check_directory(directory));
  for (const char* name : {"x.npy", "y.npy"}) {
    if (host::is_there(directory / name)) continue;
    return not_found(
        fmt::format("there is no file {} in '{}': it is to hold x.npy and y.npy, as `sotto dataset "
                    "export` writes them",
                    name, directory.string()));
  }
  const std::string x_name = (directory / "x.npy").string();
  auto x = read_npy<float>(directory / "x.npy");
  if (!x) return x.error();
  auto y = read_npy<std::uint8_t>(directory / "y.npy");
  if (!y) return y.error();
  SOTTO_RETURN_IF_ERROR(expect_shape(x->shape, {kAnyLength, kAnyLength}, x_name));
  SOTTO_RETURN_IF_ERROR(expect_shape(y->shape, {x->shape[0]}, (directory / "y.npy").string()));
  if (x->values.empty()) return data_loss("'" + x_name + "' holds no examples");
  if (x->shape[1] > limits::kParametersMax) {
    return data_loss(fmt::format("'{}' has {} features; at most {} are read", x_name, x->shape[1],
                                 limits::kParametersMax));
  }
  const auto wrong = std::ranges::find_if_not(x->values, [](float value) { return std::isfinite(value); });
  if (wrong != x->values.end()) {
    const auto row = static_cast<std::uint64_t>(wrong - x->values.begin()) / x->shape[1];
    return data_loss(fmt::format("'{}' row {} holds a value that is not a finite number", x_name, row));
  }
  return client::Examples{static_cast<std::uint32_t>(x->shape[1]), std::move(x->values),
                          std::move(y->values)};
}

Result<proto::InputSchema> load_input_schema(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kInputFile;
  const auto content = host::read_file(path, kInputFileBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return proto::InputSchema{};
  const auto input =
      proto::decode_input_schema({reinterpret_cast<const char*>((*content)->data()), (*content)->size()});
  return input ? input : Result<proto::InputSchema>(input.error().with_context("'" + path.string() + "'"));
}

}  // namespace sotto::simulation
