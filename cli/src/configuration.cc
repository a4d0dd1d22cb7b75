#include "configuration.h"

#include <fmt/core.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "sotto/host/file.h"
#include "toml_depth.h"

namespace sotto::cli {
namespace {

constexpr const char* kConfig = "--config";
constexpr const char* kConfigVariable = "SOTTO_CONFIG";
constexpr std::size_t kFileBytesMax = 1 << 20;

// How many letters differ, at least.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

// "; is 'listen' meant?" when one is near, else all of them.
std::string suggest(const std::string& word, const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::string all;
  for (const std::string& candidate : known) {
    all += (all.empty() ? "" : ", ") + candidate;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = &candidate;
  }
  return nearest == nullptr ? "; there are: " + all : "; is '" + *nearest + "' meant?";
}

// Options that a file or a variable may set: all but --help, --config and those that are for once.
bool is_configurable(const CLI::Option& option) {
  return option.get_configurable() && option.get_name().starts_with("--") && option.get_name() != "--help";
}

std::vector<std::string> keys_of(const CLI::App& command) {
  std::vector<std::string> keys;
  for (const CLI::Option* option : command.get_options()) {
    if (is_configurable(*option)) keys.push_back(option->get_name().substr(2));
  }
  return keys;
}

const CLI::Option* find_option(const CLI::App& command, const std::string& key) {
  const CLI::Option* option = command.get_option_no_throw("--" + key);
  return option != nullptr && is_configurable(*option) ? option : nullptr;
}

bool is_flag(const CLI::Option& option) { return option.get_expected_max() == 0; }
bool is_list(const CLI::Option& option) { return option.get_expected_max() > 1; }

enum class Kind { kFlag, kWhole, kNumber, kText };

Kind kind_of(const CLI::Option& option) {
  if (is_flag(option)) return Kind::kFlag;
  const std::string type = option.get_type_name();
  if (type.starts_with("UINT") || type.starts_with("INT")) return Kind::kWhole;
  return type.starts_with("FLOAT") ? Kind::kNumber : Kind::kText;
}

const char* describe(Kind kind) {
  switch (kind) {
    case Kind::kFlag:
      return "true or false";
    case Kind::kWhole:
      return "a whole number";
    case Kind::kNumber:
      return "a number";
    case Kind::kText:
      return "text in quotes";
  }
  return "";
}

// Nothing when the node is of another kind.
std::optional<std::string> text_of(const toml::node& node, Kind kind) {
  switch (kind) {
    case Kind::kFlag:
      if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
      return std::nullopt;
    case Kind::kWhole:
      if (const auto* value = node.as_integer()) return std::to_string(value->get());
      return std::nullopt;
    case Kind::kNumber:
      if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
      if (const auto* value = node.as_integer()) return std::to_string(value->get());
      return std::nullopt;
    case Kind::kText:
      if (const auto* value = node.as_string()) return value->get();
      return std::nullopt;
  }
  return std::nullopt;
}

std::string place(const std::string& file, const toml::source_region& source) {
  return source.begin ? fmt::format("{}, line {}", file, source.begin.line) : file;
}

// Reads one section's keys.
class SectionReader {
 public:
  SectionReader(const std::string& file, const std::string& section, const CLI::App& command)
      : file_(file), section_(section), command_(command) {}

  Status read(const toml::table& table, std::vector<Setting>& settings) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string where = place(file_, key.source());
      const CLI::Option* option = find_option(command_, name);
      if (option == nullptr) {
        return invalid_argument(fmt::format("{}: there is no key '{}' in [{}]{}", where, name, section_,
                                            suggest(name, keys_of(command_))));
      }
      auto values = values_of(*option, node);
      if (!values) return values.error().with_context(fmt::format("{}: {}", where, name));
      settings.push_back({section_, option->get_name(), std::move(*values), where});
    }
    return {};
  }

 private:
  static Result<std::vector<std::string>> values_of(const CLI::Option& option, const toml::node& node) {
    const Kind kind = kind_of(option);
    std::vector<std::string> values;
    const toml::array* list = is_list(option) ? node.as_array() : nullptr;
    if (list != nullptr && list->empty()) return empty();
    for (std::size_t i = 0; i < (list == nullptr ? 1 : list->size()); ++i) {
      std::optional<std::string> text = text_of(list == nullptr ? node : *list->get(i), kind);
      if (!text) {
        return invalid_argument(
            fmt::format("must be {}{}", describe(kind), is_list(option) ? ", or a list of such" : ""));
      }
      if (text->empty()) return empty();
      values.push_back(std::move(*text));
    }
    return values;
  }
  static Status empty() { return invalid_argument("is empty: leave it out for the default"); }

  const std::string& file_;
  const std::string& section_;
  const CLI::App& command_;
};

Result<toml::table> parse_toml(const std::string& file) {
  const auto content = host::read_file(file, kFileBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return invalid_argument("there is no configuration file " + file);
  const std::string_view text(reinterpret_cast<const char*>((*content)->data()), (*content)->size());
  if (nests_too_deep(text)) {
    return invalid_argument(
        fmt::format("{}: a line has more than {} dots: no key is so deep", file, kDotsOfLineMax));
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return invalid_argument(fmt::format("{}: {}", place(file, error.source()), error.description()));
  }
}

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const ConfiguredCommand& command : configured_commands()) names.emplace_back(command.section);
  return names;
}

bool names_option(const std::string& argument, const std::string& option) {
  return argument == option || (argument.starts_with(option) && argument[option.size()] == '=');
}

bool is_given(const Arguments& arguments, const std::string& option) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& argument) { return names_option(argument, option); });
}

// The file that the command line or the environment names; the last of several, as with every option.
std::string file_of(const Arguments& arguments) {
  std::string file;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == kConfig && i + 1 < arguments.size()) file = arguments[i + 1];
    if (arguments[i].starts_with("--config="))
      file = arguments[i].substr(std::string_view("--config=").size());
  }
  const char* variable = std::getenv(kConfigVariable);
  return file.empty() && variable != nullptr ? variable : file;
}

// Kubernetes makes such variables for a service of that name.
bool is_of_an_orchestrator(std::string_view rest) {
  return rest.starts_with("SERVICE_") || rest == "PORT" || rest.starts_with("PORT_");
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t comma = text.find(','); comma != std::string::npos; comma = text.find(',', from)) {
    parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  parts.push_back(text.substr(from));
  std::erase(parts, std::string());
  return parts;
}

// What the environment says to a command. A variable that is empty says nothing.
Result<std::vector<Setting>> read_environment(const CLI::App& command, const std::string& section) {
  const std::string prefix = variable_of(section, "--");
  std::set<std::string> known;
  std::vector<Setting> settings;
  for (const std::string& key : keys_of(command)) {
    const CLI::Option& option = *find_option(command, key);
    const std::string variable = variable_of(section, option.get_name());
    known.insert(variable);
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') continue;
    settings.push_back({section, option.get_name(),
                        is_list(option) ? split_list(value) : std::vector<std::string>{value},
                        "environment variable " + variable});
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with(prefix) || known.contains(name)) continue;
    if (is_of_an_orchestrator(std::string_view(name).substr(prefix.size()))) continue;
    return invalid_argument(fmt::format("environment variable {}: there is no such option{}", name,
                                        suggest(name, {known.begin(), known.end()})));
  }
  return settings;
}

// Whether something that counts more says the same, or excludes it.
bool is_overruled(const CLI::App& command, const Setting& setting, const Arguments& arguments,
                  const std::vector<Setting>& above) {
  std::set<std::string> names{setting.option};
  for (const CLI::Option* other : command.get_option_no_throw(setting.option)->get_excludes()) {
    names.insert(other->get_name());
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return is_given(arguments, name) ||
           std::any_of(above.begin(), above.end(), [&](const Setting& one) { return one.option == name; });
  });
}

bool starts_with_words(const Arguments& arguments, const ConfiguredCommand& command) {
  return arguments.size() >= command.words.size() &&
         std::equal(command.words.begin(), command.words.end(), arguments.begin());
}

bool is_false(const CLI::App& command, const Setting& setting) {
  return is_flag(*command.get_option_no_throw(setting.option)) && setting.values.front() == "false";
}

Result<Configured> configure_command(CLI::App& app, const ConfiguredCommand& which,
                                     const Arguments& arguments) {
  const CLI::App& command = *find_app(app, which);
  auto environment = read_environment(command, which.section);
  if (!environment) return environment.error();
  std::vector<Setting> from_file;
  if (const std::string file = file_of(arguments); !file.empty()) {
    auto read = read_configuration(app, file);
    if (!read) return read.error();
    from_file = std::move(*read);
  }
  Configured configured{arguments, {}};
  Arguments added;
  for (const std::vector<Setting>& level : {std::move(*environment), std::move(from_file)}) {
    const std::vector<Setting> above = configured.settings;
    for (const Setting& setting : level) {
      if (setting.section != which.section || is_overruled(command, setting, arguments, above)) continue;
      configured.settings.push_back(setting);
      if (is_false(command, setting)) continue;  // as if it were not there, so that it excludes nothing
      for (const std::string& value : setting.values) added.push_back(setting.option + "=" + value);
    }
  }
  const auto behind_words = configured.arguments.begin() + static_cast<std::ptrdiff_t>(which.words.size());
  configured.arguments.insert(behind_words, added.begin(), added.end());
  return configured;
}

// Of a text that is no number at all the option itself says so.
std::string whole_number_problem(std::string& text) {
  const bool negative = text.starts_with('-');
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + (negative ? 1 : 0), end, value);
  if (parsed.ec != std::errc::result_out_of_range) return "";
  return text + " is beyond every whole number that can be given";
}

// CLI11 takes -1 for the largest number of 64 bits.
std::string sign_problem(std::string& text) {
  return text.starts_with('-') ? text + " is below 0: a number from 0 on is needed" : "";
}

std::string number_problem(std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || std::isfinite(value)) return "";
  return text + " is no finite number";
}

}  // namespace

const std::vector<ConfiguredCommand>& configured_commands() {
  static const std::vector<ConfiguredCommand> commands = {{"serve", {"serve"}},
                                                          {"helper", {"helper", "serve"}},
                                                          {"gateway", {"gateway"}},
                                                          {"device", {"device", "run"}}};
  return commands;
}

const ConfiguredCommand* find_configured_command(const std::string& section) {
  for (const ConfiguredCommand& command : configured_commands()) {
    if (section == command.section) return &command;
  }
  return nullptr;
}

CLI::App* find_app(CLI::App& app, const ConfiguredCommand& command) {
  CLI::App* found = &app;
  for (const char* word : command.words) found = found->get_subcommand(word);
  return found;
}

void add_config_option(CLI::App& command, const char* section) {
  command
      .add_option_function<std::string>(
          kConfig, [](const std::string&) {},  // read before
          fmt::format("TOML file whose section [{}] holds options of this command [{}]", section,
                      kConfigVariable))
      ->type_name("FILE")
      ->configurable(false);
  const std::string footer = command.get_footer();
  command.footer(
      (footer.empty() ? "" : footer + "\n") +
      fmt::format("Each option may also stand in the file of --config, below [{0}] and without its dashes\n"
                  "(log-level = \"debug\"), or in an environment variable, {1} for --log-level:\n"
                  "flags win over variables, and variables over the file. `sotto config show {0}` tells what "
                  "is in force.",
                  section, variable_of(section, "--log-level")));
}

std::string variable_of(const std::string& section, const std::string& option) {
  std::string name = "SOTTO_" + section + "_" + option.substr(2);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Result<std::vector<Setting>> read_configuration(CLI::App& app, const std::string& file) {
  const Result<toml::table> table = parse_toml(file);
  if (!table) return table.error();
  std::vector<Setting> settings;
  for (const auto& [key, node] : *table) {
    const std::string section(key.str());
    const std::string where = place(file, key.source());
    const toml::table* keys = node.as_table();
    if (keys == nullptr) {
      return invalid_argument(fmt::format(
          "{}: '{}' stands outside of every section: put it below [serve], [helper], [gateway] or [device]",
          where, section));
    }
    const ConfiguredCommand* command = find_configured_command(section);
    if (command == nullptr) {
      return invalid_argument(
          fmt::format("{}: there is no section [{}]{}", where, section, suggest(section, section_names())));
    }
    SOTTO_RETURN_IF_ERROR(SectionReader(file, section, *find_app(app, *command)).read(*keys, settings));
  }
  return settings;
}

Result<Configured> configure(CLI::App& app, const Arguments& arguments) {
  for (const ConfiguredCommand& command : configured_commands()) {
    if (starts_with_words(arguments, command) && !is_given(arguments, "--help") &&
        !is_given(arguments, "-h")) {
      return configure_command(app, command, arguments);
    }
  }
  return Configured{arguments, {}};
}

// CLI11's messages begin with or hold the option's name, and nothing else of that form.
std::string explain(const CLI::ParseError& error, const std::vector<Setting>& settings) {
  const std::string message = error.what();
  for (const Setting& setting : settings) {
    const std::size_t at = message.find(setting.option);
    if (at == std::string::npos) continue;
    const std::size_t end = at + setting.option.size();
    if (end < message.size() &&
        (std::isalnum(static_cast<unsigned char>(message[end])) || message[end] == '-')) {
      continue;
    }
    return setting.origin + ": " + message;
  }
  return message;
}

void refuse_numbers_outside_types(CLI::App& app) {
  for (CLI::Option* option : app.get_options({})) {
    const Kind kind = kind_of(*option);
    if (kind == Kind::kWhole) option->check(CLI::Validator(whole_number_problem, ""));
    if (option->get_type_name().starts_with("UINT")) option->check(CLI::Validator(sign_problem, ""));
    if (kind == Kind::kNumber) option->check(CLI::Validator(number_problem, ""));
  }
  for (CLI::App* command : app.get_subcommands({})) refuse_numbers_outside_types(*command);
}

Status parse_configured(CLI::App& app, const Arguments& arguments) {
  refuse_numbers_outside_types(app);
  auto configured = configure(app, arguments);
  if (!configured) return configured.error();
  std::reverse(configured->arguments.begin(), configured->arguments.end());  // as CLI11 takes them
  try {
    app.parse(configured->arguments);
  } catch (const CLI::ParseError& error) {
    return invalid_argument(explain(error, configured->settings));
  }
  return {};
}

std::vector<ValueInForce> values_in_force(const CLI::App& command) {
  std::vector<ValueInForce> values;
  for (const CLI::Option* option : command.get_options()) {
    if (!is_configurable(*option)) continue;
    ValueInForce value{option->get_name(), option->get_default_str(), option->count() > 0};
    if (value.given) {
      value.value.clear();
      for (const std::string& part : option->reduced_results()) {
        value.value += (value.value.empty() ? "" : ", ") + part;
      }
    } else if (is_flag(*option)) {
      value.value = "false";
    }
    values.push_back(std::move(value));
  }
  return values;
}

std::string changed_options(const std::vector<ValueInForce>& before, const std::vector<ValueInForce>& now,
                            const std::vector<std::string>& but) {
  std::string changed;
  for (const ValueInForce& value : now) {
    if (std::find(but.begin(), but.end(), value.option) != but.end()) continue;
    const bool same = std::any_of(before.begin(), before.end(), [&](const ValueInForce& old) {
      return old.option == value.option && old.value == value.value;
    });
    if (!same) changed += (changed.empty() ? "" : ", ") + value.option;
  }
  return changed;
}

}  // namespace sotto::cli
