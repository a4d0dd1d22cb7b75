// One function per subcommand: declares its options on `app` and, when chosen, runs and stores its exit code.
#pragma once

#include <CLI/CLI.hpp>

#include "configuration.h"

namespace sotto::cli {

enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,          // the message says what, where and what to do
  kUsage = 2,           // the command line or a file given to it is wrong
  kNothingLearned = 3,  // an experiment of which no round came to a sum
  kInterrupted = 4,     // by a signal: what there was until then is written
  kRefused = 5,         // by a coordinator, or by the rules of a device's owner
};

// What every App of this program has.
void set_conventions(CLI::App& app);

// `arguments` are what the process was started with: read anew at SIGHUP.
void add_serve_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code);
void add_task_command(CLI::App& app, ExitCode& exit_code);
void add_round_command(CLI::App& app, ExitCode& exit_code);
void add_model_command(CLI::App& app, ExitCode& exit_code);
// What add_model_command() puts beside `list`: updates of boards' models.
void add_model_update_commands(CLI::App& model, ExitCode& exit_code);
void add_model_publish_commands(CLI::App& model, ExitCode& exit_code);
void add_image_command(CLI::App& app, ExitCode& exit_code);
// What add_image_command() puts together: `inspect` and `compile`, `run` and `bench`.
void add_image_compile_commands(CLI::App& image, ExitCode& exit_code);
void add_image_run_commands(CLI::App& image, ExitCode& exit_code);
void add_audit_command(CLI::App& app, ExitCode& exit_code);
void add_authority_command(CLI::App& app, ExitCode& exit_code);
void add_mask_helper_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code);
void add_gateway_command(CLI::App& app, const Arguments& arguments, ExitCode& exit_code);
void add_device_command(CLI::App& app, ExitCode& exit_code);
// What add_device_command() puts beside `run`.
void add_device_ledger_command(CLI::App& device, ExitCode& exit_code);
void add_device_acts(CLI::App& device, ExitCode& exit_code);
void add_fleet_command(CLI::App& app, ExitCode& exit_code);
void add_simulate_command(CLI::App& app, ExitCode& exit_code);
void add_dataset_command(CLI::App& app, ExitCode& exit_code);
void add_backup_command(CLI::App& app, ExitCode& exit_code);
void add_restore_command(CLI::App& app, ExitCode& exit_code);
void add_doctor_command(CLI::App& app, ExitCode& exit_code);
// What the options of `command` write to lives as long as it does, also when its callback is replaced.
template <typename Options>
void keep(CLI::App& command, const std::shared_ptr<Options>& options) {
  command.preparse_callback([options](std::size_t) {});
}

void add_config_command(CLI::App& app, ExitCode& exit_code);

// The commands that have a section in a configuration file, to be looked at: none of them runs.
void add_configured_commands(CLI::App& app, const Arguments& arguments, ExitCode& exit_code);
// Of all commands that `app` has when it runs.
void add_completion_command(CLI::App& app);

}  // namespace sotto::cli
