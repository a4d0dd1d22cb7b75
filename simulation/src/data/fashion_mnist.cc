// `fashion-mnist`: pictures of clothes, 28 x 28 grey values. Either a folder with train10k-*, test2k-* and
// the client of every picture, or the four published files, which know no clients and are split by label.
#include <fmt/core.h>

#include <initializer_list>
#include <system_error>

#include "data/format/idx.h"
#include "data/loaders.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr std::uint64_t kSide = 28;
constexpr std::uint32_t kFeatures = kSide * kSide;
constexpr std::uint32_t kClasses = 10;
constexpr std::uint32_t kClients = 50;

bool is_present(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// The published files are also handed round with a dot before "idx".
Result<std::filesystem::path> find(const std::filesystem::path& directory, const std::string& stem,
                                   const std::string& suffix) {
  const std::filesystem::path plain = directory / (stem + "-" + suffix);
  for (const auto& path : {plain, directory / (stem + "." + suffix)}) {
    if (is_present(path)) return path;
    std::filesystem::path compressed = path;
    compressed += ".gz";
    if (is_present(compressed))
      return failed_precondition("'" + compressed.string() + "' is compressed; unpack it with gunzip");
  }
  return not_found("'" + plain.string() +
                   "' does not exist; put the four uncompressed Fashion-MNIST files there");
}

struct Pictures {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
};

Result<Pictures> read_pictures(const std::filesystem::path& directory, const std::string& part) {
  const auto image_path = find(directory, part + "-images", "idx3-ubyte");
  if (!image_path) return image_path.error();
  const auto label_path = find(directory, part + "-labels", "idx1-ubyte");
  if (!label_path) return label_path.error();
  auto images = read_idx(*image_path);
  if (!images) return images.error();
  auto labels = read_idx(*label_path);
  if (!labels) return labels.error();
  SOTTO_RETURN_IF_ERROR(expect_shape(images->shape, {kAnyLength, kSide, kSide}, image_path->string()));
  SOTTO_RETURN_IF_ERROR(expect_shape(labels->shape, {images->shape[0]}, label_path->string()));
  if (labels->values.empty()) return data_loss("'" + image_path->string() + "' holds no pictures");
  SOTTO_RETURN_IF_ERROR(check_labels(labels->values, kClasses, label_path->string()));
  return Pictures{std::move(images->values), std::move(labels->values)};
}

void append_picture(const Pictures& pictures, std::size_t index, client::Examples& examples) {
  const std::uint8_t* pixels = pictures.pixels.data() + index * kFeatures;
  for (std::size_t i = 0; i < kFeatures; ++i) examples.x.push_back(static_cast<float>(pixels[i] / 255.0));
  examples.y.push_back(pictures.labels[index]);
}

client::Examples to_examples(const Pictures& pictures) {
  client::Examples examples{.features = kFeatures, .x = {}, .y = {}};
  examples.x.reserve(pictures.pixels.size());
  for (std::size_t i = 0; i < pictures.labels.size(); ++i) append_picture(pictures, i, examples);
  return examples;
}

Status split_by_client(const std::filesystem::path& path, const Pictures& pictures, FederatedData& data) {
  const auto clients = read_npy<std::uint8_t>(path);
  if (!clients) return clients.error();
  SOTTO_RETURN_IF_ERROR(expect_shape(clients->shape, {pictures.labels.size()}, path.string()));
  data.devices.assign(kClients, client::Examples{.features = kFeatures, .x = {}, .y = {}});
  for (std::size_t i = 0; i < clients->values.size(); ++i) {
    if (clients->values[i] >= kClients) {
      return data_loss(fmt::format("'{}' entry {} names client {}; there are {}", path.string(), i,
                                   clients->values[i], kClients));
    }
    append_picture(pictures, i, data.devices[clients->values[i]]);
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    if (data.devices[i].y.empty()) {
      return data_loss(fmt::format("'{}' gives client {} no pictures", path.string(), i));
    }
    data.device_names.push_back(fmt::format("client-{}", i + 1));
  }
  return {};
}

}  // namespace

Result<LoadedData> load_fashion_mnist(const DataOptions& options) {
  const std::filesystem::path clients = options.directory / "train10k-client50.npy";
  const bool compact = is_present(clients);
  const auto training = read_pictures(options.directory, compact ? "train10k" : "train");
  if (!training) return training.error();
  const auto test = read_pictures(options.directory, compact ? "test2k" : "t10k");
  if (!test) return test.error();
  LoadedData loaded;
  loaded.split = compact;
  loaded.default_devices = kClients;
  FederatedData& data = loaded.data;
  data.name = "fashion-mnist";
  data.features = kFeatures;
  data.classes = kClasses;
  data.input.features = "28 x 28 pixels, row by row";
  data.input.unit = "1 is white";
  data.class_names = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                      "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};
  data.test = to_examples(*test);
  if (compact) {
    SOTTO_RETURN_IF_ERROR(split_by_client(clients, *training, data));
  } else {
    data.devices.push_back(to_examples(*training));
  }
  return loaded;
}

}  // namespace sotto::simulation
