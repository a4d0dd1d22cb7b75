#include "image_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sotto/host/file.h"

namespace sotto::cli {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;  // models and inputs of boards are far smaller

Result<model_compiler::CompiledModel> compile_content(const std::string& path,
                                                      const std::vector<std::uint8_t>& content,
                                                      model_compiler::Target target) {
  if (sotto_image_arena_bytes(content.data(), content.size()) != 0) {
    return invalid_argument(path + " is a model image already; this command reads .tflite files");
  }
  auto compiled = model_compiler::compile(content, {target});
  if (!compiled) return compiled.error().with_context(path);
  return compiled;
}

bool is_image(const std::vector<std::uint8_t>& content) {
  constexpr std::string_view kMagic = "SOTM";
  return content.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), content.begin());
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const std::string& path) {
  auto content = host::read_file(path, kFileBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return not_found("cannot read " + path + ": there is no such file");
  return std::move(**content);
}

const std::map<std::string, model_compiler::Target>& image_targets() {
  using model_compiler::Target;
  static const std::map<std::string, Target> targets = {{"portable", Target::kPortable},
                                                        {"cortex-m-dsp", Target::kCortexMDsp},
                                                        {"helium", Target::kHelium},
                                                        {"host", Target::kHost}};
  return targets;
}

bool is_tflite(const std::vector<std::uint8_t>& content) {
  constexpr std::string_view kIdentifier = "TFL3";
  return content.size() >= 8 && std::equal(kIdentifier.begin(), kIdentifier.end(), content.begin() + 4);
}

Result<model_compiler::CompiledModel> compile_file(const std::string& path, model_compiler::Target target) {
  const auto content = read_file(path);
  if (!content) return content.error();
  return compile_content(path, *content, target);
}

Result<device::HostModel> open_model_file(const std::string& path, model_compiler::Target target) {
  auto content = read_file(path);
  if (!content) return content.error();
  // What is neither is refused as what it is.
  if (!is_image(*content)) {
    auto compiled = compile_content(path, *content, target);
    if (!compiled) return compiled.error();
    content = std::move(compiled->image);
  }
  auto model = device::HostModel::open(*content);
  if (!model) return model.error().with_context(path);
  return model;
}

}  // namespace sotto::cli
