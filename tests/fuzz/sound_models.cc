#include "fuzz/sound_models.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sotto/base/check.h"
#include "unit/model-compiler/small_models.h"

namespace sotto::fuzz {
namespace {

std::vector<std::vector<std::uint8_t>> load() {
  std::vector<std::vector<std::uint8_t>> models = {model_compiler::small_residual_model(),
                                                   model_compiler::small_dense_model(),
                                                   model_compiler::small_dilated_model()};
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SOTTO_OPERATOR_MODELS)) {
    const bool refused = entry.path().filename().string().starts_with("refused_");
    if (entry.path().extension() == ".tflite" && !refused) paths.push_back(entry.path());
  }
  SOTTO_CHECK(!paths.empty());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    models.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return models;
}

}  // namespace

const std::vector<std::vector<std::uint8_t>>& sound_models() {
  static const std::vector<std::vector<std::uint8_t>> kModels = load();
  return kModels;
}

}  // namespace sotto::fuzz
