// One function per subcommand: declares its options on `app` and, when chosen, runs and stores its exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace sotto::cli {

// 0 done; 1 it failed (the message says what, where and what to do); 2 the command line or a file given to it
// is wrong.
enum class ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

void add_serve_command(CLI::App& app, ExitCode& exit_code);
void add_task_command(CLI::App& app, ExitCode& exit_code);
void add_round_command(CLI::App& app, ExitCode& exit_code);
void add_model_command(CLI::App& app, ExitCode& exit_code);
void add_image_command(CLI::App& app, ExitCode& exit_code);
// What add_image_command() puts together: `inspect` and `compile`, `run` and `bench`.
void add_image_compile_commands(CLI::App& image, ExitCode& exit_code);
void add_image_run_commands(CLI::App& image, ExitCode& exit_code);
void add_audit_command(CLI::App& app, ExitCode& exit_code);
void add_authority_command(CLI::App& app, ExitCode& exit_code);
void add_mask_helper_command(CLI::App& app, ExitCode& exit_code);
void add_device_command(CLI::App& app, ExitCode& exit_code);
// What add_device_command() puts beside `run`.
void add_device_ledger_command(CLI::App& device, ExitCode& exit_code);
void add_device_acts(CLI::App& device, ExitCode& exit_code);
void add_fleet_command(CLI::App& app, ExitCode& exit_code);
void add_simulate_command(CLI::App& app, ExitCode& exit_code);
void add_dataset_command(CLI::App& app, ExitCode& exit_code);
// Of all commands that `app` has when it runs.
void add_completion_command(CLI::App& app);

}  // namespace sotto::cli
