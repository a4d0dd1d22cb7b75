#include "device_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "sotto/base/field_status.h"
#include "sotto/base/limits.h"
#include "sotto/host/address.h"
#include "sotto/host/file.h"
#include "sotto/proto/messages.h"

namespace sotto::client {
namespace {

bool valid_address(const std::string& text) {
  const auto address = host::parse_host_port(text);
  return address && address->port != 0;
}

Status check_name(const char* option, const std::string& name) {
  if (proto::valid_name(name)) return {};
  return invalid_argument(fmt::format("{} is \"{}\": it must be 1 to {} bytes of [A-Za-z0-9._-]", option,
                                      name.substr(0, limits::kNameBytesMax), limits::kNameBytesMax));
}

Status check_custom_models(const Trainer& trainer) {
  const std::vector<proto::Architecture> architectures = trainer.architectures();
  const std::vector<std::string> models = trainer.custom_models();
  const bool custom = std::find(architectures.begin(), architectures.end(), proto::Architecture::kCustom) !=
                      architectures.end();
  if (custom == models.empty() || models.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument(fmt::format(
        "the trainer names {} custom models: 1 to {} when custom is among its architectures, else none",
        models.size(), limits::kTrainersPerDeviceMax));
  }
  for (const std::string& model : models) SOTTO_RETURN_IF_ERROR(check_name("a custom model", model));
  return {};
}

Status check_budgets(const LedgerBudgets& budgets) {
  for (const auto& [name, value] : {std::pair{"vectors_per_model", budgets.vectors_per_model},
                                    std::pair{"vectors_per_task", budgets.vectors_per_task},
                                    std::pair{"vectors_per_period", budgets.vectors_per_period},
                                    std::pair{"period_s", budgets.period_s}}) {
    if (value == 0) return invalid_argument(fmt::format("budgets.{} is 0: it must be at least 1", name));
  }
  return {};
}

Status check_folder(const char* option, const std::filesystem::path& file) {
  const auto folder = file.parent_path();
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return {};
  return invalid_argument(
      fmt::format("{} is \"{}\", but there is no folder {}", option, file.string(), folder.string()));
}

}  // namespace

Status check_device_options(const DeviceOptions& options, const Trainer& trainer) {
  if (!options.gateway.empty()) {
    if (!options.coordinator.empty() || !options.ca_file.empty()) {
      return invalid_argument(
          "gateway is given with coordinator or ca_file: a gateway knows the coordinator");
    }
    if (!valid_address(options.gateway)) {
      return invalid_argument("gateway is \"" + options.gateway +
                              "\": " + host::describe_bad_host_port(options.gateway));
    }
  } else if (!valid_address(options.coordinator)) {
    return invalid_argument("coordinator is \"" + options.coordinator +
                            "\": " + host::describe_bad_host_port(options.coordinator));
  }
  SOTTO_RETURN_IF_ERROR(check_name("device_id", options.device_id));
  SOTTO_RETURN_IF_ERROR(check_name("population", options.population));
  if (options.parameters_max == 0 || options.parameters_max > limits::kParametersMax) {
    return invalid_argument(fmt::format("parameters_max is {}: it must be 1 to {}", options.parameters_max,
                                        limits::kParametersMax));
  }
  if (options.cohort_min < limits::kParticipantsMin || options.cohort_min > limits::kParticipantsMax) {
    return invalid_argument(fmt::format("cohort_min is {}: it must be {} to {}; a smaller sum hides nobody",
                                        options.cohort_min, limits::kParticipantsMin,
                                        limits::kParticipantsMax));
  }
  if (!(options.corrupt_fraction_min >= 0 && options.corrupt_fraction_min < 0.5f)) {
    return invalid_argument(fmt::format("corrupt_fraction_min is {}: it must be at least 0 and below 0.5",
                                        options.corrupt_fraction_min));
  }
  if (options.honest_min < 2 || options.honest_min > limits::kParticipantsMax) {
    return invalid_argument(
        fmt::format("honest_min is {}: it must be 2 to {}", options.honest_min, limits::kParticipantsMax));
  }
  if (options.signer != nullptr && options.identity_file.empty()) {
    return invalid_argument("a signer needs its identity_file, where the authority endorses its key");
  }
  if (const std::size_t count = trainer.architectures().size();
      count == 0 || count > limits::kTrainersPerDeviceMax) {
    return invalid_argument(fmt::format("the trainer names {} architectures: it must name 1 to {}", count,
                                        limits::kTrainersPerDeviceMax));
  }
  SOTTO_RETURN_IF_ERROR(check_custom_models(trainer));
  SOTTO_RETURN_IF_ERROR(check_budgets(options.budgets));
  if (const Status input = to_status(check_fields(options.input)); !input.ok()) return input;
  SOTTO_RETURN_IF_ERROR(check_folder("state_file", options.state_file));
  return check_folder("ledger_file", options.ledger_file);
}

Result<std::string> read_ca_file(const std::filesystem::path& path) {
  if (path.empty()) {
    return invalid_argument("ca_file is empty: it must name the coordinator's CA certificate (PEM)");
  }
  const auto content = host::read_file(path, limits::kMessageBytesMax);
  if (!content) return content.error().with_context("ca_file");
  if (!content->has_value()) return not_found("ca_file: there is no " + path.string());
  std::string text((*content)->begin(), (*content)->end());
  if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return invalid_argument("ca_file " + path.string() +
                            " holds no PEM certificate (no BEGIN CERTIFICATE line)");
  }
  return text;
}

}  // namespace sotto::client
