#include "sotto/proto/admin_socket.h"

#include <fmt/core.h>
#include <sys/un.h>

#include "sotto/base/hex.h"

namespace sotto::proto {
namespace {

constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
         c == '-' || c == '_';
}

}  // namespace

Result<std::string> admin_target(const std::filesystem::path& socket) {
  const std::string& path = socket.native();
  if (path.empty())
    return invalid_argument("the administration socket's path is empty: give a data directory");
  if (path.size() > kPathBytesMax) {
    return invalid_argument(fmt::format(
        "the administration socket's path {} has {} bytes, the system allows {}: choose a shorter "
        "data directory",
        path, path.size(), kPathBytesMax));
  }
  std::string target = "unix:";
  for (const char c : path) {  // gRPC reads targets as URIs
    if (plain(c)) {
      target += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      target += '%' + to_hex(Bytes(&byte, 1));
    }
  }
  return target;
}

}  // namespace sotto::proto
