#include "sotto/identity/step.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"
#include "sotto/host/file.h"

namespace sotto::identity {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'T', 'E', 'P'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBodyBytes = kMagic.size() + 4 + sizeof(Step::of) + 8 + 4;
constexpr std::size_t kHalfBytes = kBodyBytes + sizeof(crypto::Digest);
constexpr std::size_t kSector = 512;  // what a disk writes at once
constexpr std::size_t kFileBytes = 2 * kSector;
static_assert(kHalfBytes <= kSector);

using Half = std::array<std::uint8_t, kHalfBytes>;

Half encode(const Step& step) {
  Half half;
  ByteWriter writer(half);
  writer.bytes(kMagic);
  writer.u32(kVersion);
  writer.bytes(step.of);
  writer.u64(step.count);
  writer.u32(step.epoch);
  writer.bytes(crypto::sha256({Bytes(half).first(kBodyBytes)}));
  SOTTO_CHECK(writer.ok() && writer.written() == half.size());
  return half;
}

std::optional<Step> decode(Bytes half) {
  if (half.size() < kHalfBytes) return std::nullopt;
  if (!std::ranges::equal(crypto::sha256({half.first(kBodyBytes)}),
                          half.subspan(kBodyBytes, sizeof(crypto::Digest)))) {
    return std::nullopt;
  }
  ByteReader reader(half);
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  if (magic != kMagic || reader.u32() != kVersion) return std::nullopt;
  Step step;
  reader.copy(step.of);
  step.count = reader.u64();
  step.epoch = reader.u32();
  return step;
}

struct Halves {
  std::optional<Step> first;
  std::optional<Step> second;

  [[nodiscard]] bool second_is_newest() const { return second && (!first || second->count > first->count); }
  [[nodiscard]] std::optional<Step> newest() const { return second_is_newest() ? second : first; }
};

Halves decode_halves(const std::vector<std::uint8_t>& content) {
  const Bytes bytes(content);
  Halves halves{.first = decode(bytes.first(std::min(bytes.size(), kSector))), .second = {}};
  if (bytes.size() > kSector) halves.second = decode(bytes.subspan(kSector));
  return halves;
}

Status failure(const std::filesystem::path& path, int error) {
  const bool denied = error == EACCES || error == EPERM;
  return {denied ? StatusCode::kPermissionDenied : StatusCode::kIo,
          "cannot write " + path.string() + ": " + std::error_code(error, std::generic_category()).message()};
}

// Whoever follows a link reads a step that is not replaced with its file.
Status check_own_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored))) return {};
  return io_error("cannot use " + path.string() +
                  ": it is a link, and a step lies beside its file: put the file itself there");
}

// Errors of close() are those of fdatasync(), which has been asked before.
Status write_half(const std::filesystem::path& path, std::size_t offset, const Half& half) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return failure(path, errno);
  const ssize_t written = ::pwrite(descriptor, half.data(), half.size(), static_cast<off_t>(offset));
  Status status;
  if (written != static_cast<ssize_t>(half.size())) status = failure(path, written < 0 ? errno : ENOSPC);
  if (status.ok() && ::fdatasync(descriptor) != 0) status = failure(path, errno);
  ::close(descriptor);
  return status;
}

Status write_new(const std::filesystem::path& path, const Half& half) {
  std::vector<std::uint8_t> content(kFileBytes);
  std::ranges::copy(half, content.begin());
  return host::write_file(path, content, host::kSecretFile);
}

}  // namespace

std::filesystem::path step_path(const std::filesystem::path& file) {
  std::filesystem::path path = file;
  path += ".step";
  return path;
}

Result<std::optional<Step>> read_step(const std::filesystem::path& file) {
  const std::filesystem::path path = step_path(file);
  SOTTO_RETURN_IF_ERROR(check_own_file(path));
  const auto content = host::read_file(path, kFileBytes);
  if (!content) return content.error();
  if (!content->has_value() || (*content)->empty()) return std::optional<Step>();
  const Halves halves = decode_halves(**content);
  if (halves.newest()) return halves.newest();
  return data_loss(path.string() + " is damaged, so that nobody knows whether " + file.string() +
                   " is the newest: restore both from a backup");
}

Status write_step(const std::filesystem::path& file, const Step& step) {
  const std::filesystem::path path = step_path(file);
  const Half half = encode(step);
  const auto content = host::read_file(path, kFileBytes);
  if (!content && content.error().code() != StatusCode::kDataLoss) return content.error();
  if (!content || !content->has_value() || (*content)->size() != kFileBytes) return write_new(path, half);
  const Halves halves = decode_halves(**content);
  const std::optional<Step> before = halves.newest();
  // Steps of another file, and those that somebody has taken back, must not stay in the other half.
  if (!before || before->of != step.of || before->count >= step.count) return write_new(path, half);
  return write_half(path, halves.second_is_newest() ? 0 : kSector, half);
}

}  // namespace sotto::identity
