// Files that the `sotto image` commands read: .tflite models, model images, raw inputs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::cli {

[[nodiscard]] Result<std::vector<std::uint8_t>> read_file(const std::string& path);

// The file compiled, or a message that names it. With a model image instead of a .tflite it says so.
[[nodiscard]] Result<model_compiler::CompiledModel> compile_file(const std::string& path,
                                                                 model_compiler::Target target);

// A .tflite, compiled for `target`, or an image as it is; opened on this machine.
[[nodiscard]] Result<device::HostModel> open_model_file(const std::string& path,
                                                        model_compiler::Target target);

// By the names that options take.
[[nodiscard]] const std::map<std::string, model_compiler::Target>& image_targets();

[[nodiscard]] bool is_tflite(const std::vector<std::uint8_t>& content);

}  // namespace sotto::cli
