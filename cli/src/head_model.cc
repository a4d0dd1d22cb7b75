#include "head_model.h"

#include <utility>

#include "sotto/host/file.h"

namespace sotto::cli {
namespace {

constexpr std::size_t kModelBytesMax = std::size_t{1} << 28;

}  // namespace

CLI::Option* add_head_form_option(CLI::App& command, client::HeadForm& form) {
  return command
      .add_option("--head-form", form, "How the head's weights are kept while they learn [float32]")
      ->transform(CLI::CheckedTransformer(head_forms<client::HeadForm>()))
      ->type_name(kHeadFormWords);
}

Result<std::vector<std::uint8_t>> read_model_file(const std::string& path) {
  auto content = host::read_file(path, kModelBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return not_found(path + ": no such file");
  return std::move(**content);
}

}  // namespace sotto::cli
