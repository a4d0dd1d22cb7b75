#include "private_process.h"

#include "sotto/host/process.h"

namespace sotto::cli {

void add_private_process_option(CLI::App& command, PrivateProcess& options) {
  command.add_flag("--allow-core-dumps", options.allow_core_dumps,
                   "Let a crash write this process's memory, secrets included, and let debuggers read it");
}

Status make_process_private(const PrivateProcess& options) {
  host::make_files_private();
  return options.allow_core_dumps ? Status() : host::keep_memory_private();
}

}  // namespace sotto::cli
