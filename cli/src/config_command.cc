// `sotto config`: what a configuration file says, before a server is started with it.
#include <fmt/core.h>

#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "output.h"
#include "places.h"

namespace sotto::cli {
namespace {

struct ConfigOptions {
  std::string file;
  std::string section;
  bool json = false;
};

// The configured commands, to be asked and not to be run.
struct Commands {
  Commands() { add_configured_commands(app, nothing, ignored); }

  Arguments nothing;
  ExitCode ignored = ExitCode::kDone;
  CLI::App app;
};

// Parses as the command itself would, for its own checks.
Status parse_quietly(CLI::App& app, const ConfiguredCommand& which, const Configured& configured) {
  CLI::App& command = *find_app(app, which);
  for (CLI::Option* option : command.get_options()) option->required(false);
  refuse_numbers_outside_types(app);
  Arguments reversed(configured.arguments.rbegin(), configured.arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return invalid_argument(explain(error, configured.settings));
  }
  return {};
}

// What the section gives, without environment and flags.
Status check_section(const ConfiguredCommand& which, const std::vector<Setting>& all, std::size_t& count) {
  Configured configured{{which.words.begin(), which.words.end()}, {}};
  for (const Setting& setting : all) {
    if (setting.section != which.section) continue;
    ++count;
    configured.settings.push_back(setting);
    for (const std::string& value : setting.values) {
      configured.arguments.push_back(setting.option + "=" + value);
    }
  }
  Commands commands;
  return parse_quietly(commands.app, which, configured);
}

ExitCode check(const ConfigOptions& options) {
  Commands commands;
  const auto settings = read_configuration(commands.app, options.file);
  if (!settings) return report_error(settings.error());
  std::string found;
  for (const ConfiguredCommand& which : configured_commands()) {
    if (!options.section.empty() && options.section != which.section) continue;
    std::size_t count = 0;
    if (const Status status = check_section(which, *settings, count); !status.ok()) {
      return report_error(status);
    }
    if (count > 0) found += fmt::format("{}{} in [{}]", found.empty() ? "" : ", ", count, which.section);
  }
  std::printf("%s is sound: %s\n", terminal_text(options.file).c_str(),
              found.empty() ? "it sets nothing" : found.c_str());
  return ExitCode::kDone;
}

void print_values(const std::vector<ValueInForce>& values, const std::map<std::string, std::string>& origins,
                  bool json) {
  nlohmann::json array = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {{"OPTION", "VALUE", "FROM"}};
  for (const ValueInForce& value : values) {
    const auto origin = origins.find(value.option);
    const std::string from = origin != origins.end() ? origin->second : value.given ? "flag" : "default";
    array.push_back({{"option", value.option.substr(2)}, {"value", value.value}, {"from", from}});
    rows.push_back({value.option.substr(2), value.value.empty() ? "-" : value.value, from});
  }
  if (json) {
    print_json(array);
  } else {
    print_table(rows);
  }
}

ExitCode show(const ConfigOptions& options, const Arguments& flags) {
  const ConfiguredCommand& which = *find_configured_command(options.section);
  Arguments arguments(which.words.begin(), which.words.end());
  if (!options.file.empty()) arguments.push_back("--config=" + options.file);
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  Commands commands;
  look_at_no_places(*find_app(commands.app, which));
  const auto configured = configure(commands.app, arguments);
  if (!configured) return report_error(configured.error());
  if (const Status status = parse_quietly(commands.app, which, *configured); !status.ok())
    return report_error(status);
  std::map<std::string, std::string> origins;
  for (const Setting& setting : configured->settings) origins[setting.option] = setting.origin;
  print_values(values_in_force(*find_app(commands.app, which)), origins, options.json);
  return ExitCode::kDone;
}

}  // namespace

void add_config_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command =
      app.add_subcommand("config", "What servers and devices are told by file and environment")
          ->require_subcommand(1);
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* checker = command->add_subcommand("check",
                                              "Whether a file is sound, and addresses and files that it "
                                              "names can be used: exit code 0, or 2 and what\n"
                                              "is wrong in which line");
  checker->add_option("file", options->file, "The TOML file")->required();
  checker
      ->add_option("--section", options->section,
                   "Look at this section only; the files that others name may be on other machines")
      ->check(CLI::IsMember({"serve", "helper", "gateway", "device"}));
  checker->callback([options, &exit_code] { exit_code = check(*options); });

  CLI::App* shower = command->add_subcommand(
      "show", "The options of a command as they would be in force now, and where each comes from");
  shower->add_option("section", options->section, "Whose")
      ->required()
      ->check(CLI::IsMember({"serve", "helper", "gateway", "device"}))
      ->type_name("serve|helper|gateway|device");
  shower->add_option("--config", options->file, "The TOML file [SOTTO_CONFIG]")->type_name("FILE");
  shower->add_flag("--json", options->json, "For scripts");
  shower->allow_extras();
  shower->callback([options, shower, &exit_code] { exit_code = show(*options, shower->remaining()); });
  shower->footer(
      "Flags of the command may follow, to see what they change:\n"
      "  sotto config show serve --config sotto.toml --listen 0.0.0.0:7443");
}

}  // namespace sotto::cli
