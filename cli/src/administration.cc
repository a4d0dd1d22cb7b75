#include "administration.h"

namespace sotto::cli {

void add_administration_options(CLI::App& command, AdministrationOptions& options) {
  command.add_option("--data-dir", options.data_dir, "The coordinator's data directory")
      ->capture_default_str();
  command.add_option("--admin", options.socket, "Its administration socket [DATA_DIR/admin.sock]");
  command.add_flag("--json", options.json, "Print JSON for scripts");
}

Result<proto::TaskStatus> find_task(client::AdminClient& client, const std::string& name) {
  auto tasks = client.list_tasks();
  if (!tasks) return tasks.error();
  std::string known;
  for (const proto::TaskStatus& task : *tasks) {
    if (task.spec.name == name) return task;
    known += (known.empty() ? "" : ", ") + task.spec.name;
  }
  return not_found("there is no task '" + name + "'; " +
                   (known.empty() ? "there are none yet" : "there are: " + known));
}

}  // namespace sotto::cli
