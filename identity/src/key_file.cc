#include "sotto/identity/key_file.h"

#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/host/file.h"

namespace sotto::identity {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;

}  // namespace

Result<std::optional<crypto::SecretBuffer>> read_key_file(const std::filesystem::path& path) {
  crypto::SecretBuffer contents(kFileBytesMax);
  const Result<std::optional<std::size_t>> size = host::read_file(path, contents.reveal_mutable());
  if (!size && size.error().code() == StatusCode::kDataLoss) {
    return data_loss(path.string() + " is larger than any key or certificate: restore it from a backup");
  }
  if (!size) return size.error();
  if (!size->has_value()) return std::optional<crypto::SecretBuffer>();
  contents.truncate(**size);
  return std::optional<crypto::SecretBuffer>(std::move(contents));
}

Status write_key_file(const std::filesystem::path& path, std::string_view contents, mode_t mode) {
  return host::write_file(path, text_bytes(contents), mode);
}

}  // namespace sotto::identity
