// `sotto backup` and `sotto restore`: a coordinator in one file, and back.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "administration.h"
#include "commands.h"
#include "output.h"
#include "places.h"
#include "sotto/base/clock.h"
#include "sotto/server/backup.h"

namespace sotto::cli {
namespace {

struct BackupOptions {
  AdministrationOptions administration;
  std::string file;
};

struct RestoreOptions {
  std::string data_dir;
  std::string file;
  bool check_only = false;
};

ExitCode back_up(const BackupOptions& options) {
  if (options.file.empty()) return report_error(invalid_argument("--to is empty: name a new file"));
  if (options.file == "-") {
    return report_error(invalid_argument(
        "--to -: the coordinator itself writes and checks the file, on its own machine and disk, so that it "
        "cannot go to standard output; name a file, and read that"));
  }
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto bytes = (*client)->backup(options.file);
  if (!bytes) return report_error(bytes.error());
  if (options.administration.json) {
    print_json({{"file", options.file}, {"bytes", *bytes}});
  } else {
    std::printf("wrote %s, %llu bytes, checked; it holds the coordinator's keys: keep it as safe as those\n",
                terminal_text(options.file).c_str(), static_cast<unsigned long long>(*bytes));
  }
  return ExitCode::kDone;
}

ExitCode restore(const RestoreOptions& options) {
  if (options.check_only) {
    if (const Status sound = server::check_backup(options.file); !sound.ok()) return report_error(sound);
    std::printf("%s is a sound backup\n", terminal_text(options.file).c_str());
    return ExitCode::kDone;
  }
  const Status done = server::restore_backup(options.file, options.data_dir, SystemClock().now());
  if (!done.ok()) return report_error(done);
  std::printf(
      "restored %s into %s; its rounds get numbers that no device has seen. Whom its local authority has\n"
      "enrolled or revoked since the backup it does not know: revoke again whoever must stay out\n",
      terminal_text(options.file).c_str(), terminal_text(options.data_dir).c_str());
  return ExitCode::kDone;
}

}  // namespace

void add_backup_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command = app.add_subcommand(
      "backup",
      "Write a running coordinator into one file: tasks, models, history, and the keys, certificates and\n"
      "local authority of its data directory. Rounds go on meanwhile.");
  command
      ->add_option("--to", options->file,
                   "A new file on the coordinator's machine; below DATA_DIR only in "
                   "DATA_DIR/backups")
      ->required();
  add_administration_options(*command, options->administration);
  command->callback([options, &exit_code] { exit_code = back_up(*options); });
}

void add_restore_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command =
      app.add_subcommand("restore",
                         "Make a coordinator's data directory of a backup. The lost one must not come back "
                         "beside it: devices\nwould serve both.");
  command->add_option("--from", options->file, "A file that `sotto backup` wrote")
      ->required()
      ->check(readable_file());
  auto* folder = command->add_option("--data-dir", options->data_dir, "A new or empty folder");
  command->add_flag("--check", options->check_only, "Only say whether the backup is whole and sound")
      ->excludes(folder);
  command->callback([options, folder, &exit_code] {
    if (!options->check_only && folder->empty()) throw CLI::RequiredError("--data-dir or --check");
    exit_code = restore(*options);
  });
}

}  // namespace sotto::cli
