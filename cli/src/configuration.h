// Options of commands that run for long, from three places: flags win over environment variables, and those
// over one TOML file with a section for each command. CLI11 reads files for the whole program only and lets
// them win over variables, so both are put into the command line before it is parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "sotto/base/result.h"

namespace sotto::cli {

// What follows the program's name.
using Arguments = std::vector<std::string>;

// A command that has a section, and the option by which a file is named.
struct ConfiguredCommand {
  const char* section;
  std::vector<const char*> words;
};
[[nodiscard]] const std::vector<ConfiguredCommand>& configured_commands();
// Null when no section has that name.
[[nodiscard]] const ConfiguredCommand* find_configured_command(const std::string& section);
// Of `app`, to which the command was added.
[[nodiscard]] CLI::App* find_app(CLI::App& app, const ConfiguredCommand& command);

// Declares --config, and says in the command's help where else its options may come from.
void add_config_option(CLI::App& command, const char* section);

// A value that an option has by a file or a variable.
struct Setting {
  std::string section;
  std::string option;               // "--listen"
  std::vector<std::string> values;  // of a flag "true" or "false"
  std::string origin;               // "sotto.toml, line 3", "environment variable SOTTO_SERVE_LISTEN"
};

// "SOTTO_SERVE_LOG_LEVEL" for serve and --log-level.
[[nodiscard]] std::string variable_of(const std::string& section, const std::string& option);

// Every section of a file. kInvalidArgument names file and line, and the key that may have been meant, when
// it is no TOML or holds unknown sections or keys or values of another type; ranges are the command's to
// check. `app` has all configured commands.
[[nodiscard]] Result<std::vector<Setting>> read_configuration(CLI::App& app, const std::string& file);

// A command line that is complete, and which of it came from elsewhere.
struct Configured {
  Arguments arguments;
  std::vector<Setting> settings;  // that are in force
};
// kInvalidArgument as above, and for a variable that names no option. Arguments of commands that have no
// section are left as they are.
[[nodiscard]] Result<Configured> configure(CLI::App& app, const Arguments& arguments);

// What is wrong and, when it was not typed, where it stands.
[[nodiscard]] std::string explain(const CLI::ParseError& error, const std::vector<Setting>& settings);

// CLI11 takes a number that is too large for any type as the largest there is: from now on every option of
// `app` and its commands refuses that, and what is no finite number.
void refuse_numbers_outside_types(CLI::App& app);

// configure(), then the command's own checks. Callbacks of `app` run when all is well.
[[nodiscard]] Status parse_configured(CLI::App& app, const Arguments& arguments);

// Each option's value as text, after parsing; options that were not given have their default.
struct ValueInForce {
  std::string option;
  std::string value;
  bool given = false;
};
[[nodiscard]] std::vector<ValueInForce> values_in_force(const CLI::App& command);

// "--listen, --threads": whose values differ, without those `but`.
[[nodiscard]] std::string changed_options(const std::vector<ValueInForce>& before,
                                          const std::vector<ValueInForce>& now,
                                          const std::vector<std::string>& but);

}  // namespace sotto::cli
