// `--head-form`, and the file of a model whose head learns, for `sotto simulate` and `sotto device run`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/client/head_trainer.h"

namespace sotto::cli {

// The option as found, for whoever has more to ask of it.
CLI::Option* add_head_form_option(CLI::App& command, client::HeadForm& form);

// The bytes of a .tflite file or model image. kNotFound when there is no such file.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_model_file(const std::string& path);

}  // namespace sotto::cli
