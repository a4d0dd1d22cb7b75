#include "image_head.h"

#include <cstdio>
#include <map>
#include <string>

#include "head_model.h"

namespace sotto::cli {
namespace {

const std::map<std::string, std::uint32_t> kOptimisers = {{"sgd", 0}, {"momentum", 1}};

std::string name_in(const std::map<std::string, std::uint32_t>& names, std::uint32_t value) {
  for (const auto& [name, number] : names) {
    if (number == value) return name;
  }
  return "";
}

}  // namespace

void HeadOptions::add_to(CLI::App& command) {
  command
      .add_option("--form", head.form,
                  "How the head's weights are kept while they learn on a board [float32]")
      ->transform(CLI::CheckedTransformer(head_forms<std::uint32_t>()))
      ->type_name(kHeadFormWords);
  command.add_option("--optimiser", head.momentum, "What they learn with [sgd]")
      ->transform(CLI::CheckedTransformer(kOptimisers))
      ->type_name("sgd|momentum");
  command.add_option("--replay", head.replay_samples, "Examples that the board keeps [64]");
  command.add_option("--batch", head.batch, "Examples of a step [1]");
  command.add_option("--classes", head.outputs_max,
                     "Classes at most; more than the model's are not run as a layer [the model's]");
  command.add_flag(
      "--anchor", [this](std::int64_t) { head.anchor = 1; },
      "Room for a copy of the head: what a round needs, and the way back");
}

nlohmann::json training_json(const std::vector<std::uint8_t>& image, const HeadOptions& options) {
  sotto_head_options wanted = options.head;
  sotto_head_sizes sizes;
  sotto_head_error error = sotto_head_measure(image.data(), image.size(), &wanted, &sizes);
  if (error == SOTTO_HEAD_LAYER) {
    wanted.layer = 0;
    error = sotto_head_measure(image.data(), image.size(), &wanted, &sizes);
  }
  if (error == SOTTO_HEAD_ABSENT) return nullptr;
  if (error != SOTTO_HEAD_OK) return {{"refused", sotto_head_error_text(error)}};
  return {{"form", name_in(head_forms<std::uint32_t>(), wanted.form)},
          {"optimiser", name_in(kOptimisers, wanted.momentum)},
          {"replay_samples", wanted.replay_samples},
          {"bytes", sizes.bytes},
          {"state_bytes", sizes.state_bytes},
          {"parameter_bytes", sizes.parameter_bytes},
          {"momentum_bytes", sizes.momentum_bytes},
          {"anchor_bytes", sizes.anchor_bytes},
          {"work_bytes", sizes.work_bytes},
          {"replay_bytes", sizes.replay_bytes},
          {"layer_bytes", sizes.layer_bytes},
          {"parameters", sizes.parameters}};
}

void print_training(const std::vector<std::uint8_t>& image, const HeadOptions& options) {
  const nlohmann::json training = training_json(image, options);
  if (training.is_null()) return;
  if (training.contains("refused")) {
    std::printf("       not trained on boards: %s\n", training["refused"].get<std::string>().c_str());
    return;
  }
  const auto bytes = [&training](const char* part) { return training[part].get<std::uint32_t>(); };
  std::printf("       %8u bytes more to train it: %s, %s, %u examples\n", bytes("bytes"),
              training["form"].get<std::string>().c_str(), training["optimiser"].get<std::string>().c_str(),
              bytes("replay_samples"));
  std::printf("       %8u of parameters, %u of momentum, %u of anchor, %u of work, %u of replay,\n",
              bytes("parameter_bytes"), bytes("momentum_bytes"), bytes("anchor_bytes"), bytes("work_bytes"),
              bytes("replay_bytes"));
  std::printf("       %8u of the int8 layer that runs, %u of state\n", bytes("layer_bytes"),
              bytes("state_bytes"));
}

}  // namespace sotto::cli
