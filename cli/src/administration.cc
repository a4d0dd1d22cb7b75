#include "administration.h"

#include <chrono>
#include <thread>

namespace sotto::cli {

void add_administration_options(CLI::App& command, AdministrationOptions& options) {
  command.add_option("--data-dir", options.data_dir, "The coordinator's data directory")
      ->capture_default_str();
  command.add_option("--admin", options.socket, "Its administration socket [DATA_DIR/admin.sock]");
  command
      .add_option("--wait", options.wait_seconds,
                  "Seconds to wait for a coordinator that does not listen yet")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print JSON for scripts");
}

Result<std::unique_ptr<client::AdminClient>> connect(const AdministrationOptions& options) {
  constexpr std::chrono::milliseconds kPause{100};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  for (;;) {
    auto client = client::AdminClient::connect(options.socket_path());
    if (client || client.error().code() != StatusCode::kUnavailable) return client;
    if (std::chrono::steady_clock::now() >= until) return client;
    std::this_thread::sleep_for(kPause);
  }
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
