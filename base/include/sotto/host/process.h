// What a process that holds secrets asks of the system before it has any. For programs: a library does not
// decide for the process that it is part of.
#pragma once

#include "sotto/base/status.h"

namespace sotto::host {

// From now on a crash writes no core file, with this limit for children too, and no other process of this
// user reads the memory (ptrace, /proc/<pid>/mem) without the privilege to read any. kIo when the system
// refuses.
[[nodiscard]] Status keep_memory_private();

// Files and folders that are made from now on are their owner's alone, whatever mode they are made with.
void make_files_private();

}  // namespace sotto::host
