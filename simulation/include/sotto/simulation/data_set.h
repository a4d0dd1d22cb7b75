// Data sets for experiments: labelled examples already split over devices, and a test set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sotto/base/enum_names.h"
#include "sotto/base/result.h"
#include "sotto/client/trainer.h"

namespace sotto::simulation {

struct FederatedData {
  std::string name;
  std::uint32_t features = 0;
  std::uint32_t classes = 0;
  std::vector<std::string> class_names;
  proto::InputSchema input;               // what the features are; the labels are class_names
  std::vector<std::string> device_names;  // e.g. "subject-01", one per device
  std::vector<client::Examples> devices;  // training examples of each device
  client::Examples test;
  // Of the same people or places as each device's training examples; empty when the data set has none.
  std::vector<client::Examples> device_tests;
};

enum class Partition : std::uint8_t { kNatural, kDirichlet };

struct DataOptions {
  std::string name{};                 // motion | har | fashion-mnist | fsdd | folder
  std::filesystem::path directory{};  // empty for motion
  // 0: the data set's own number. With kNatural fewer means the first ones, and more is kInvalidArgument
  // except for motion, which makes any number. With kDirichlet, and for the published Fashion-MNIST files,
  // which know no clients, any number that leaves every device 8 examples.
  std::uint32_t devices = 0;
  Partition partition = Partition::kNatural;
  double dirichlet_alpha = 0.3;  // label skew, > 0: small means few labels per device
  std::uint64_t seed = 0;        // of the generator and of the Dirichlet partition
};

// Errors say which file is missing, truncated or of the wrong shape, and what to do.
[[nodiscard]] Result<FederatedData> load_data_set(const DataOptions& options);

// `sotto dataset convert har|fsdd SRC DST`: the published originals as a user downloads them into the compact
// files that load_data_set() reads.
[[nodiscard]] Status convert_data_set(const std::string& name, const std::filesystem::path& source,
                                      const std::filesystem::path& destination);

// `sotto dataset export`: one folder per device with x.npy (float32 [n][features]) and y.npy (uint8 [n]),
// plus test/ and labels.txt. Each has an input.json, too, that says what the examples are. load_data_set()
// with the name "folder" reads it again, or one like it that somebody else wrote: labels.txt and input.json
// may be absent, and <device>/test/ has examples of the same person or place that no device learns from.
[[nodiscard]] Status export_data_set(const FederatedData& data, const std::filesystem::path& destination);
// Reads such a folder: what `sotto device run --data` trains on.
[[nodiscard]] Result<client::Examples> load_examples(const std::filesystem::path& directory);
// What its input.json says the examples are; nothing, when there is none.
[[nodiscard]] Result<proto::InputSchema> load_input_schema(const std::filesystem::path& directory);

}  // namespace sotto::simulation

template <>
struct sotto::EnumNames<sotto::simulation::Partition> {
  static constexpr EnumName<simulation::Partition> kAll[] = {
      {simulation::Partition::kNatural, "natural", "by the data set's own clients"},
      {simulation::Partition::kDirichlet, "dirichlet", "by label proportions"},
  };
};
