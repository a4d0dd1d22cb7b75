// How the administrative commands find their coordinator: its data directory, or its socket.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/admin_client.h"

namespace sotto::cli {

struct AdministrationOptions {
  std::string data_dir = "sotto-data";
  std::string socket;              // overrides data_dir
  std::uint32_t wait_seconds = 0;  // for a coordinator that is about to listen
  bool json = false;

  [[nodiscard]] std::string socket_path() const { return socket.empty() ? data_dir + "/admin.sock" : socket; }
};

// Declares --data-dir, --admin, --wait and --json.
void add_administration_options(CLI::App& command, AdministrationOptions& options);

// kUnavailable when no coordinator listens there within the time that the options give it.
[[nodiscard]] Result<std::unique_ptr<client::AdminClient>> connect(const AdministrationOptions& options);

// kNotFound naming the known tasks when there is none of this name.
[[nodiscard]] Result<proto::TaskStatus> find_task(client::AdminClient& client, const std::string& name);

}  // namespace sotto::cli
