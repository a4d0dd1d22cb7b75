// Recordings and models that are not in the repository: where they are, and NumPy arrays of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace sotto::device {

// A folder of SOTTO_DATA_DIR or SOTTO_MODELS_DIR, which default to ../shared/data and ../shared/models.
inline std::filesystem::path shared_folder(const char* variable, const char* otherwise,
                                           const std::string& name) {
  const char* directory = std::getenv(variable);
  const auto root = std::filesystem::path(SOTTO_SOURCE_DIR) / "../shared" / otherwise;
  return (directory != nullptr ? std::filesystem::path(directory) : root) / name;
}
inline std::filesystem::path data_folder(const std::string& name) {
  return shared_folder("SOTTO_DATA_DIR", "data", name);
}
inline std::filesystem::path model_file(const std::string& name) {
  return shared_folder("SOTTO_MODELS_DIR", "models", name);
}

inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// The values of a .npy file of format 1.0, in C order; throws for another type of value.
template <typename Value>
std::vector<Value> read_npy(const std::filesystem::path& path) {
  constexpr std::size_t kHeader = 10;
  const std::vector<std::uint8_t> file = read_file(path);
  if (file.size() < kHeader || file[0] != 0x93 || file[6] != 1)
    throw std::runtime_error(path.string() + " is no .npy");
  const std::size_t begin = kHeader + file[8] + std::size_t{256} * file[9];
  const std::string header(file.begin() + kHeader,
                           file.begin() + static_cast<std::ptrdiff_t>(std::min(begin, file.size())));
  const std::string type =
      std::string(std::is_signed_v<Value> ? "i" : "u") + std::to_string(sizeof(Value)) + "'";
  if (begin > file.size() || header.find(type) == std::string::npos) {
    throw std::runtime_error(path.string() + " does not hold " + type);
  }
  std::vector<Value> values((file.size() - begin) / sizeof(Value));
  std::memcpy(values.data(), file.data() + begin, values.size() * sizeof(Value));
  return values;
}

}  // namespace sotto::device

#define SOTTO_SKIP_WITHOUT(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path).string() << " is absent"
