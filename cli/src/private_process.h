// Commands that hold secrets: keys, updates, sums before they are masked or unmasked.
#pragma once

#include <CLI/CLI.hpp>

#include "sotto/base/status.h"

namespace sotto::cli {

struct PrivateProcess {
  bool allow_core_dumps = false;
};

// --allow-core-dumps
void add_private_process_option(CLI::App& command, PrivateProcess& options);
// Before the command reads or makes any secret: its files are its user's alone, its memory reaches no disk by
// a crash.
[[nodiscard]] Status make_process_private(const PrivateProcess& options);

}  // namespace sotto::cli
