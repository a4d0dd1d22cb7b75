// How the administrative commands find their coordinator: its data directory, or its socket.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/admin_client.h"

namespace sotto::cli {

struct AdministrationOptions {
  std::string data_dir = "sotto-data";
  std::string socket;  // overrides data_dir
  bool json = false;

  [[nodiscard]] std::string socket_path() const { return socket.empty() ? data_dir + "/admin.sock" : socket; }
};

// Declares --data-dir, --admin and --json.
void add_administration_options(CLI::App& command, AdministrationOptions& options);

// kNotFound naming the known tasks when there is none of this name.
[[nodiscard]] Result<proto::TaskStatus> find_task(client::AdminClient& client, const std::string& name);

}  // namespace sotto::cli
