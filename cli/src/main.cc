// The one binary `sotto`. Subcommands only gather options and print; the work is done by the modules below.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>

#include "commands.h"
#include "output.h"
#include "sotto/host/threads.h"
#include "sotto/proto/grpc_locks.h"
#include "sotto/proto/grpc_log.h"
#include "version.h"

namespace {

const CLI::App* find_command(const CLI::App& level, const std::string& word) {
  for (const CLI::App* command : level.get_subcommands({})) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

// Commands that have moved, and where to.
struct Renamed {
  const char* command;
  const char* subcommand;
  const char* now;
};
constexpr Renamed kRenamed[] = {{"model", "inspect", "image inspect"},
                                {"model", "compile", "image compile"},
                                {"model", "run", "image run"},
                                {"model", "bench", "image bench"}};

bool report_renamed_command(const CLI::App& level, const std::string& word) {
  for (const Renamed& renamed : kRenamed) {
    if (level.get_name() != renamed.command || word != renamed.subcommand) continue;
    std::fprintf(stderr, "sotto: error: 'sotto %s %s' is now 'sotto %s', with the same options\n",
                 renamed.command, renamed.subcommand, renamed.now);
    return true;
  }
  return false;
}

// CLI11 calls a misspelt subcommand a missing one; people want to see the word they typed and those that
// exist.
bool report_unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* level = &app;
  for (int i = 1; i < argc && !level->get_subcommands({}).empty(); ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) return false;
    const CLI::App* next = find_command(*level, word);
    if (next == nullptr) {
      if (report_renamed_command(*level, word)) return true;
      std::fprintf(stderr, "sotto: error: there is no command '%s'; there are:",
                   sotto::cli::terminal_text(word).c_str());
      for (const CLI::App* known : level->get_subcommands({}))
        std::fprintf(stderr, " %s", known->get_name().c_str());
      std::fprintf(stderr, "\n");
      return true;
    }
    level = next;
  }
  return false;
}

using sotto::cli::Arguments;
using sotto::cli::ExitCode;

// What is no text can be no name, no reason and no path that anything prints or sends on.
sotto::Status check_text(const Arguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (sotto::cli::is_utf8(argument)) continue;
    const std::size_t equals = argument.find('=');
    std::string name = "argument " + std::to_string(i + 1);
    if (argument.starts_with("--") && equals != std::string::npos) {
      name = argument.substr(0, equals);
    } else if (!argument.starts_with('-') && i > 0 && arguments[i - 1].starts_with('-')) {
      name = arguments[i - 1];
    }
    return sotto::invalid_argument(name + ": '" + argument +
                                   "' is no text in UTF-8: set the terminal to UTF-8, or rename the file");
  }
  return {};
}

// "sotto task create": as far as the command line was understood.
std::string command_of(const CLI::App& app) {
  std::string words = app.get_name();
  for (const CLI::App* level = &app; !level->get_subcommands().empty();) {
    level = level->get_subcommands().front();
    words += " " + level->get_name();
  }
  return words;
}

// CLI11 says what is wrong, and neither with which command nor where there is more.
ExitCode report_usage(const CLI::App& app, const std::string& what) {
  const std::string command = command_of(app);
  const std::size_t first = command.find(' ');
  const std::string prefix = first == std::string::npos ? "" : command.substr(first + 1) + ": ";
  return sotto::cli::report_error(sotto::invalid_argument(prefix + what + "; see `" + command + " --help`"));
}

ExitCode parse_and_run(CLI::App& app, const Arguments& arguments, const ExitCode& exit_code) {
  using namespace sotto::cli;
  refuse_numbers_outside_types(app);
  auto configured = configure(app, arguments);
  if (!configured) return report_error(configured.error());
  if (const sotto::Status text = check_text(configured->arguments); !text.ok()) return report_error(text);
  std::reverse(configured->arguments.begin(), configured->arguments.end());  // as CLI11 takes them
  try {
    app.parse(configured->arguments);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports --help and --version this way too, with exit code 0.
    if (error.get_exit_code() == 0) return app.exit(error) == 0 ? ExitCode::kDone : ExitCode::kUsage;
    return report_usage(app, explain(error, configured->settings));
  }
  return exit_code;
}

int run(int argc, char** argv) {
  using namespace sotto::cli;
  CLI::App app(
      "Sotto: federated learning for fleets of tiny devices.\n"
      "The coordinator only ever learns the sum of a cohort's updates.");
  app.name("sotto");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  set_conventions(app);
  app.footer(
      "Start here:\n"
      "  sotto simulate motion --rounds 20          a fleet learns in this process\n"
      "  sotto serve --data-dir coordinator --local-authority\n"
      "                                             a coordinator for real devices\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing learned, 4 interrupted, 5 refused.");
  const Arguments arguments(argv + 1, argv + argc);
  if (const sotto::Status text = check_text(arguments); !text.ok()) {
    return static_cast<int>(report_error(text));
  }
  ExitCode exit_code = ExitCode::kDone;
  add_simulate_command(app, exit_code);
  add_serve_command(app, arguments, exit_code);
  add_task_command(app, exit_code);
  add_round_command(app, exit_code);
  add_model_command(app, exit_code);
  add_image_command(app, exit_code);
  add_audit_command(app, exit_code);
  add_authority_command(app, exit_code);
  add_mask_helper_command(app, arguments, exit_code);
  add_gateway_command(app, arguments, exit_code);
  add_device_command(app, exit_code);
  add_fleet_command(app, exit_code);
  add_dataset_command(app, exit_code);
  add_backup_command(app, exit_code);
  add_restore_command(app, exit_code);
  add_doctor_command(app, exit_code);
  add_config_command(app, exit_code);
  add_completion_command(app);
  if (report_unknown_command(app, argc, argv)) return static_cast<int>(ExitCode::kUsage);
  const ExitCode ended = parse_and_run(app, arguments, exit_code);
  std::cout.flush();  // CLI11's
  const sotto::Status printed = finish_standard_output();
  if (printed.ok()) return static_cast<int>(ended);
  const ExitCode failed = report_error(printed);
  return static_cast<int>(ended == ExitCode::kDone ? failed : ended);
}

}  // namespace

namespace sotto::cli {

void set_conventions(CLI::App& app) {
  app.option_defaults()->take_last();  // a script may append options that override earlier ones
}

void add_configured_commands(CLI::App& app, const Arguments& arguments, ExitCode& exit_code) {
  set_conventions(app);
  add_serve_command(app, arguments, exit_code);
  add_mask_helper_command(app, arguments, exit_code);
  add_gateway_command(app, arguments, exit_code);
  add_device_command(app, exit_code);
  for (const ConfiguredCommand& command : configured_commands()) find_app(app, command)->callback([] {});
}

}  // namespace sotto::cli

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);     // a limit on the size of files makes writes fail, in words
  sotto::proto::silence_grpc_log();  // its failures reach people as Status, once and in words
  sotto::proto::skip_grpc_lock_checks();
  try {
    return run(argc, argv);
  } catch (const std::system_error& error) {
    const bool no_thread = error.code() == std::errc::resource_unavailable_try_again;
    return static_cast<int>(
        sotto::cli::report_error(no_thread ? sotto::host::no_more_threads() : sotto::io_error(error.what())));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sotto: error: %s\n", error.what());
    return 1;
  }
}
