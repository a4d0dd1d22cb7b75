// Writes to descriptors, for the files of this folder.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "sotto/base/bytes.h"

namespace sotto::host {

// False with errno.
inline bool write_all(int descriptor, Bytes content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace sotto::host
