// What training the head of a model takes on a board, for `sotto image inspect`.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "sotto/device_runtime/head.h"

namespace sotto::cli {

struct HeadOptions {
  sotto_head_options head = {.form = SOTTO_HEAD_FLOAT32,
                             .loss = SOTTO_LOSS_OF_IMAGE,
                             .outputs_max = 0,
                             .replay_samples = 64,
                             .batch = 1,
                             .momentum = 0,
                             .anchor = 0,
                             .layer = 1};

  // --form, --optimiser, --replay, --batch, --classes, --anchor.
  void add_to(CLI::App& command);
};

// Measures the head of `image`. Null when the model has none; otherwise its bytes, or why it cannot be
// trained with these options.
[[nodiscard]] nlohmann::json training_json(const std::vector<std::uint8_t>& image,
                                           const HeadOptions& options);
// The same as lines below "head"; nothing when the model has none.
void print_training(const std::vector<std::uint8_t>& image, const HeadOptions& options);

}  // namespace sotto::cli
