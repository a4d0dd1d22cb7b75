#include "sotto/identity/key_file.h"

#include <array>
#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/host/file.h"

namespace sotto::identity {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;

// In this order, as some hold others.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kKinds = {{
    {"-----BEGIN SOTTO DEVICE ENDORSEMENT", "the identity of a device"},
    {"-----BEGIN SOTTO COORDINATOR ENDORSEMENT", "the identity of a coordinator"},
    {"-----BEGIN SOTTO AUTHORITY BULLETIN", "an authority's bulletin"},
    {"-----BEGIN CERTIFICATE REQUEST", "a request for a certificate"},
    {"-----BEGIN CERTIFICATE", "a certificate"},
    {"PRIVATE KEY-----", "a private key"},
    {"-----BEGIN PUBLIC KEY", "a public key"},
}};

}  // namespace

Result<std::optional<crypto::SecretBuffer>> read_key_file(const std::filesystem::path& path) {
  crypto::SecretBuffer contents(kFileBytesMax);
  const Result<std::optional<std::size_t>> size = host::read_file(path, contents.reveal_mutable());
  if (!size && size.error().code() == StatusCode::kDataLoss) {
    return data_loss(path.string() +
                     " is larger than any key or certificate, so that it is another kind of "
                     "file, or damaged: name the right one, or restore it from a backup");
  }
  if (!size) return size.error();
  if (!size->has_value()) return std::optional<crypto::SecretBuffer>();
  contents.truncate(**size);
  return std::optional<crypto::SecretBuffer>(std::move(contents));
}

std::string_view kind_of_key_file(std::string_view text) {
  for (const auto& [mark, kind] : kKinds) {
    if (text.find(mark) != std::string_view::npos) return kind;
  }
  return {};
}

Status write_key_file(const std::filesystem::path& path, std::string_view contents, mode_t mode) {
  return host::write_file(path, text_bytes(contents), mode);
}

}  // namespace sotto::identity
