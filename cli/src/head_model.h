// The forms of heads by their words, and the file of a model whose head learns, for every command that has
// to do with heads.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/client/head_trainer.h"
#include "sotto/device_runtime/head.h"

namespace sotto::cli {

inline constexpr const char* kHeadFormWords = "float32|int8|biases";

// By their words; a Form has the numbers of sotto_head_form.
template <typename Form>
[[nodiscard]] std::map<std::string, Form> head_forms() {
  return {{"float32", static_cast<Form>(SOTTO_HEAD_FLOAT32)},
          {"int8", static_cast<Form>(SOTTO_HEAD_INT8)},
          {"biases", static_cast<Form>(SOTTO_HEAD_BIASES)}};
}

// The option as found, for whoever has more to ask of it.
CLI::Option* add_head_form_option(CLI::App& command, client::HeadForm& form);

// The bytes of a .tflite file or model image. kNotFound when there is no such file.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_model_file(const std::string& path);

}  // namespace sotto::cli
