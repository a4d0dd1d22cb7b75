#include "sotto/server/model_updates.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <tuple>

#include "sotto/base/hex.h"
#include "sotto/host/file.h"

namespace sotto::server {
namespace {

using model_update::Kind;
using model_update::Manifest;
using model_update::Refusal;
using Buffer = std::vector<std::uint8_t>;

// A file: version, share, owner, length of the manifest, the manifest; then the content to its end.
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = 1 + 2 + crypto::kEs256PublicKeyBytes + 2;
constexpr std::size_t kFileBytesMax = kHeadBytes + model_update::kManifestBytesMax + kPublishedBytesMax;
constexpr std::string_view kEnding = ".update";
constexpr std::string_view kShareLabel = "sotto/v2 update share";

bool is_of(const PublishedUpdate& update, std::string_view task, std::string_view device_class) {
  return update.manifest.task.view() == task && update.manifest.device_class.view() == device_class;
}

bool is_of(const PublishedUpdate& update, const Manifest& manifest) {
  return is_of(update, manifest.task.view(), manifest.device_class.view());
}

Status refused(const std::string& sentence) { return invalid_argument("the update: " + sentence); }

Status refused(Refusal refusal) { return refused(std::string(model_update::describe(refusal))); }

// What is signed: an image, and these bytes of it.
Status check_signed(Bytes message, Bytes content, const crypto::Es256PublicKey& owner, Manifest& manifest) {
  Refusal refusal = model_update::read_signed(message, owner, manifest);
  if (refusal != Refusal::kNone) return refused(refusal);
  if (manifest.kind != Kind::kImage) return refused("the manifest is of no image; images are published");
  refusal = model_update::check_bytes(manifest, content);
  return refusal == Refusal::kNone ? Status() : refused(refusal);
}

Result<PublishedUpdate> read_update(const std::filesystem::path& path) {
  const auto file = host::read_file(path, kFileBytesMax);
  if (!file) return file.error();
  const auto damaged = [&](const std::string& why) {
    return data_loss(fmt::format("{} is no update of a model ({}): delete it and publish the update again",
                                 path.string(), why));
  };
  if (!file->has_value()) return damaged("it is gone");
  ByteReader in(**file);
  const std::uint8_t version = in.u8();
  PublishedUpdate update;
  update.share = in.u16();
  in.copy(update.owner);
  const Bytes message = in.bytes(in.u16());
  const Bytes content = in.bytes(in.remaining());
  if (!in.ok() || version != kVersion || update.share > kWholeShare) return damaged("of another form");
  const Status status = check_signed(message, content, update.owner, update.manifest);
  if (!status.ok()) return damaged(status.message());
  update.message.assign(message.begin(), message.end());
  return update;
}

}  // namespace

bool is_in_share(std::string_view device_id, std::uint64_t sequence, std::uint32_t share) {
  std::array<std::uint8_t, 8> number;
  ByteWriter(number).u64(sequence);
  const crypto::Digest hash = crypto::sha256({text_bytes(kShareLabel), Bytes(number), text_bytes(device_id)});
  const std::uint64_t place = load_le<std::uint32_t>(hash.data());
  return place * kWholeShare >> 32 < share;
}

Result<ModelUpdates> ModelUpdates::open(const std::filesystem::path& folder) {
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(folder));
  ModelUpdates updates(folder);
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != kEnding) continue;
    auto update = read_update(at->path());
    if (!update) return update.error();
    updates.updates_.push_back(std::move(*update));
  }
  if (error) return io_error(fmt::format("cannot list {}: {}", folder.string(), error.message()));
  updates.sort();
  return updates;
}

void ModelUpdates::sort() {
  std::ranges::sort(updates_, [](const PublishedUpdate& one, const PublishedUpdate& other) {
    return std::tuple(one.manifest.task.view(), one.manifest.device_class.view(), other.manifest.sequence) <
           std::tuple(other.manifest.task.view(), other.manifest.device_class.view(), one.manifest.sequence);
  });
}

std::filesystem::path ModelUpdates::path_of(const PublishedUpdate& update) const {
  const Bytes separator = text_bytes(std::string_view("\0", 1));
  const crypto::Digest name = crypto::sha256(
      {text_bytes(update.manifest.task.view()), separator, text_bytes(update.manifest.device_class.view())});
  return folder_ / fmt::format("{}-{}{}", to_hex(Bytes(name).first(16)), update.manifest.sequence, kEnding);
}

std::vector<PublishedUpdate>::const_iterator ModelUpdates::newest_of(std::string_view task,
                                                                     std::string_view device_class) const {
  return std::ranges::find_if(updates_,
                              [&](const auto& update) { return is_of(update, task, device_class); });
}

Status ModelUpdates::check(const Publication& publication, const Manifest& manifest,
                           std::uint64_t now) const {
  if (has_expired(manifest, now)) return refused(Refusal::kExpired);
  const auto newest = newest_of(manifest.task.view(), manifest.device_class.view());
  if (newest == updates_.end()) {
    std::size_t lines = 0;
    for (std::size_t i = 0; i < updates_.size(); ++i)
      lines += i == 0 || !is_of(updates_[i], updates_[i - 1].manifest) ? 1 : 0;
    if (lines < kUpdateLinesMax) return {};
    return {StatusCode::kResourceExhausted,
            fmt::format("there are updates of {} tasks and classes of devices, and no more are kept", lines)};
  }
  if (newest->owner != publication.owner)
    return refused("another key signed the updates before it; sign it with the key that the boards trust");
  if (newest->manifest.sequence >= manifest.sequence) return refused(Refusal::kStale);
  return {};
}

Status ModelUpdates::keep(const PublishedUpdate& update, Bytes content) const {
  Buffer file(kHeadBytes + update.message.size() + content.size());
  ByteWriter out(file);
  out.u8(kVersion);
  out.u16(static_cast<std::uint16_t>(update.share));
  out.bytes(update.owner);
  out.u16(static_cast<std::uint16_t>(update.message.size()));
  out.bytes(update.message);
  out.bytes(content);
  return host::write_file(path_of(update), file, host::kSecretFile);
}

// Boards outside the newest one's share take the one before it that went to all.
Status ModelUpdates::delete_older(const Manifest& than) {
  const auto is_older = [&](const PublishedUpdate& update) {
    return is_of(update, than) && update.manifest.sequence < than.sequence;
  };
  const auto kept = std::ranges::find_if(
      updates_, [&](const auto& update) { return is_older(update) && update.share == kWholeShare; });
  const std::uint64_t kept_sequence = kept == updates_.end() ? 0 : kept->manifest.sequence;
  for (std::size_t i = updates_.size(); i-- > 0;) {
    if (!is_older(updates_[i]) || updates_[i].manifest.sequence == kept_sequence) continue;
    SOTTO_RETURN_IF_ERROR(host::remove_file(path_of(updates_[i])));
    updates_.erase(updates_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

Result<Manifest> ModelUpdates::publish(const Publication& publication, std::uint64_t now) {
  if (publication.share < 1 || publication.share > kWholeShare)
    return invalid_argument(fmt::format("an update goes to 1 to {} thousandths of the boards", kWholeShare));
  if (publication.content.size() > kPublishedBytesMax)
    return refused(fmt::format("it has {} bytes; at most {} are published", publication.content.size(),
                               kPublishedBytesMax));
  PublishedUpdate update;
  SOTTO_RETURN_IF_ERROR(
      check_signed(publication.manifest, publication.content, publication.owner, update.manifest));
  SOTTO_RETURN_IF_ERROR(check(publication, update.manifest, now));
  update.message.assign(publication.manifest.begin(), publication.manifest.end());
  update.owner = publication.owner;
  update.share = publication.share;
  SOTTO_RETURN_IF_ERROR(keep(update, publication.content));
  const Manifest manifest = update.manifest;
  updates_.push_back(std::move(update));
  sort();
  SOTTO_RETURN_IF_ERROR(delete_older(manifest));
  return manifest;
}

Status ModelUpdates::set_share(std::string_view task, std::string_view device_class, std::uint32_t share) {
  if (share > kWholeShare)
    return invalid_argument(fmt::format("an update goes to 0 to {} thousandths of the boards", kWholeShare));
  const auto newest = newest_of(task, device_class);
  if (newest == updates_.end()) {
    return not_found(
        fmt::format("no update of task '{}' for devices of class '{}' is published", task, device_class));
  }
  PublishedUpdate changed = *newest;
  changed.share = share;
  const auto whole = content(changed, 0, kPublishedBytesMax);
  if (!whole) return whole.error();
  SOTTO_RETURN_IF_ERROR(keep(changed, *whole));
  updates_[static_cast<std::size_t>(newest - updates_.begin())].share = share;
  return {};
}

const PublishedUpdate* ModelUpdates::offer(const UpdateQuestion& question, std::uint64_t now) const {
  for (const PublishedUpdate& update : updates_) {
    if (!is_of(update, question.task, question.device_class)) continue;
    const std::uint64_t sequence = update.manifest.sequence;
    if (sequence <= question.sequence) return nullptr;  // and so are those behind it
    if (!has_expired(update.manifest, now) && is_in_share(question.device_id, sequence, update.share))
      return &update;
  }
  return nullptr;
}

Result<Buffer> ModelUpdates::content(const PublishedUpdate& update, std::uint64_t offset,
                                     std::size_t bytes_max) const {
  if (offset >= update.manifest.size) return Buffer{};
  const std::filesystem::path path = path_of(update);
  Buffer bytes(static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, update.manifest.size - offset)));
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(kHeadBytes + update.message.size() + offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) return io_error("cannot read " + path.string());
  return bytes;
}

}  // namespace sotto::server
