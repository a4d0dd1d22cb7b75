// `sotto audit`: the record of what operators did, read from its file.
#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "output.h"
#include "sotto/server/audit.h"

namespace sotto::cli {
namespace {

struct AuditOptions {
  std::string data_dir = "sotto-data";
  bool json = false;
  std::size_t count_max = 50;
};

ExitCode verify(const AuditOptions& options) {
  const auto lines = server::verify_audit_file(server::audit_file(options.data_dir), 0);
  if (!lines) return report_error(lines.error());
  if (options.json) {
    print_json({{"lines", lines->count}, {"head", lines->head}});
  } else {
    std::printf("%llu lines, each of which fits the one before; the last has SHA-256 %s\n",
                static_cast<unsigned long long>(lines->count), lines->head.c_str());
  }
  return ExitCode::kDone;
}

std::string describe_changes(const nlohmann::json& changes) {
  constexpr std::size_t kShownMax = 60;
  std::string text;
  for (const nlohmann::json& change : changes) {
    const auto shown = [&](const char* key) {
      const std::string value = change.value(key, "");
      return value.size() <= kShownMax ? value : value.substr(0, kShownMax) + "...";
    };
    text += fmt::format("{}{}: {} -> {}", text.empty() ? "" : "; ", change.value("key", ""), shown("from"),
                        shown("to"));
  }
  return text;
}

ExitCode show(const AuditOptions& options) {
  const auto lines = server::verify_audit_file(server::audit_file(options.data_dir), options.count_max);
  if (!lines) return report_error(lines.error());
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& line : lines->last) all.push_back(nlohmann::json::parse(line));
  if (options.json) {
    print_json(all);
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {"LINE", "TIME", "WHO", "WHAT", "SUBJECT", "CHANGES", "REASON"}};
  for (const nlohmann::json& line : all) {
    rows.push_back({std::to_string(line.value("line", std::uint64_t{0})), line.value("time", ""),
                    line.value("who", ""), line.value("what", ""), line.value("subject", ""),
                    describe_changes(line.value("changes", nlohmann::json::array())),
                    line.value("reason", "")});
  }
  print_table(rows);
  return ExitCode::kDone;
}

}  // namespace

void add_audit_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command =
      app.add_subcommand("audit", "The record of what operators did: a chained line for each act")
          ->require_subcommand(1);
  auto options = std::make_shared<AuditOptions>();
  const auto add = [&](const char* name, const char* help) {
    CLI::App* sub = command->add_subcommand(name, help);
    sub->add_option("--data-dir", options->data_dir, "The coordinator's data directory")
        ->capture_default_str();
    sub->add_flag("--json", options->json, "Print JSON for scripts");
    return sub;
  };
  add("verify", "Follow the chain; name the first line that does not fit")->callback([options, &exit_code] {
    exit_code = verify(*options);
  });
  CLI::App* shower = add("show", "The last acts, oldest first, after the chain was followed");
  shower->add_option("--count", options->count_max, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  shower->callback([options, &exit_code] { exit_code = show(*options); });
}

}  // namespace sotto::cli
