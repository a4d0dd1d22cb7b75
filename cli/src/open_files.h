// Thousands of devices are thousands of sockets: asks the system for as many open files as it allows.
#pragma once

namespace sotto::cli {

// Raises the soft limit to the hard limit. Harmless when the system refuses.
void raise_open_file_limit();

}  // namespace sotto::cli
