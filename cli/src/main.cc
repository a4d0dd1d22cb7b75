// The one binary `sotto`. Subcommands only gather options and print; the work is done by the modules below.
#include <cstdio>
#include <exception>

#include "commands.h"
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
      std::fprintf(stderr, "sotto: error: there is no command '%s'; there are:", word.c_str());
      for (const CLI::App* known : level->get_subcommands({}))
        std::fprintf(stderr, " %s", known->get_name().c_str());
      std::fprintf(stderr, "\n");
      return true;
    }
    level = next;
  }
  return false;
}

int run(int argc, char** argv) {
  using namespace sotto::cli;
  CLI::App app(
      "Sotto: federated learning for fleets of tiny devices.\n"
      "The coordinator only ever learns the sum of a cohort's updates.");
  app.name("sotto");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.option_defaults()->take_last();  // a script may append options that override earlier ones
  app.footer(
      "Start here:\n"
      "  sotto simulate motion --rounds 20          a fleet learns in this process\n"
      "  sotto serve --data-dir coordinator         a coordinator for real devices\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage.");
  ExitCode exit_code = ExitCode::kDone;
  add_simulate_command(app, exit_code);
  add_serve_command(app, exit_code);
  add_task_command(app, exit_code);
  add_round_command(app, exit_code);
  add_model_command(app, exit_code);
  add_image_command(app, exit_code);
  add_audit_command(app, exit_code);
  add_authority_command(app, exit_code);
  add_mask_helper_command(app, exit_code);
  add_device_command(app, exit_code);
  add_fleet_command(app, exit_code);
  add_dataset_command(app, exit_code);
  add_completion_command(app);
  if (report_unknown_command(app, argc, argv)) return static_cast<int>(ExitCode::kUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports --help and --version this way too, with exit code 0.
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  return static_cast<int>(exit_code);
}

}  // namespace

int main(int argc, char** argv) {
  sotto::proto::silence_grpc_log();  // its failures reach people as Status, once and in words
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sotto: error: %s\n", error.what());
    return 1;
  }
}
