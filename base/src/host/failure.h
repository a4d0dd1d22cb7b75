// What the system said of a file, as a Status. Private to host.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "sotto/base/status.h"

namespace sotto::host {

inline std::string advice(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return ": run as its owner, or change the owner";
    case ENOSPC:
    case EDQUOT:
      return ": free some space on that disk";
    default:
      return "";
  }
}

// kPermissionDenied or kIo: "cannot <what> <path>: ...".
inline Status failure(const char* what, const std::filesystem::path& path, int error) {
  std::string message = std::string("cannot ") + what + " " + path.string() + ": " +
                        std::error_code(error, std::generic_category()).message() + advice(error);
  const bool denied = error == EACCES || error == EPERM;
  return {denied ? StatusCode::kPermissionDenied : StatusCode::kIo, std::move(message)};
}

}  // namespace sotto::host
