#include "head_model.h"

#include <map>
#include <utility>

#include "sotto/host/file.h"

namespace sotto::cli {
namespace {

constexpr std::size_t kModelBytesMax = std::size_t{1} << 28;

const std::map<std::string, client::HeadForm> kForms = {{"float32", client::HeadForm::kFloat32},
                                                        {"int8", client::HeadForm::kInt8},
                                                        {"biases", client::HeadForm::kBiases}};

}  // namespace

CLI::Option* add_head_form_option(CLI::App& command, client::HeadForm& form) {
  return command
      .add_option("--head-form", form, "How the head's weights are kept while they learn [float32]")
      ->transform(CLI::CheckedTransformer(kForms))
      ->type_name("float32|int8|biases");
}

Result<std::vector<std::uint8_t>> read_model_file(const std::string& path) {
  auto content = host::read_file(path, kModelBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return not_found(path + ": no such file");
  return std::move(**content);
}

}  // namespace sotto::cli
