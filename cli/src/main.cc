// The one binary `sotto`. Subcommands only gather options and print; the work is done by the modules below.
#include <cstdio>
#include <exception>

#include "commands.h"

namespace {

int run(int argc, char** argv) {
  using namespace sotto::cli;
  CLI::App app(
      "Sotto: federated learning for fleets of tiny devices.\n"
      "The coordinator only ever learns the sum of a cohort's updates.");
  app.name("sotto");
  app.set_version_flag("--version", SOTTO_VERSION);
  app.require_subcommand(1);
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
  add_device_command(app, exit_code);
  add_dataset_command(app, exit_code);
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
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sotto: error: %s\n", error.what());
    return 1;
  }
}
