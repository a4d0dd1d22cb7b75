// Checks of options that name an address or a file: made before a command begins, with exit code 2, and for
// `sotto config check` with the line of the file that names it.
#pragma once

#include <CLI/CLI.hpp>

namespace sotto::cli {

[[nodiscard]] CLI::Validator listen_address();    // HOST:PORT, port 0 takes a free one
[[nodiscard]] CLI::Validator peer_address();      // HOST:PORT of somebody who listens
[[nodiscard]] CLI::Validator certificate_name();  // a host name or an address
[[nodiscard]] CLI::Validator network_address();   // ADDRESS or ADDRESS/BITS
[[nodiscard]] CLI::Validator readable_file();     // a regular file that is there and may be read
[[nodiscard]] CLI::Validator existing_folder();

// Of a command whose values are to be shown and not used.
void look_at_no_places(CLI::App& command);

}  // namespace sotto::cli
