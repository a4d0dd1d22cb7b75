// Signed updates of boards' models as the coordinator keeps and offers them: files in a folder, which it can
// neither make nor change, because it never holds the key that signs. An update goes to a share of the boards
// first, always the same ones, and to all when its operator widens it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/model_update/manifest.h"

namespace sotto::server {

inline constexpr std::uint32_t kWholeShare = 1000;                       // thousandths of the boards
inline constexpr std::size_t kPublishedBytesMax = std::size_t{1} << 24;  // of one update's content
inline constexpr std::size_t kUpdateLinesMax = 64;                       // tasks and classes of devices

// Whether the update of this sequence goes to the device while it goes to `share` thousandths of them. By a
// hash of both, so that every update has other first boards, and a wider share holds the narrower one.
[[nodiscard]] bool is_in_share(std::string_view device_id, std::uint64_t sequence, std::uint32_t share);

// What an operator brings.
struct Publication {
  Bytes manifest;  // an image's
  Bytes content;   // the image, with its reference inputs
  const crypto::Es256PublicKey& owner;
  std::uint32_t share = kWholeShare;  // 1 .. kWholeShare
};

// What a device says of itself when it asks.
struct UpdateQuestion {
  std::string_view task;
  std::string_view device_class;
  std::string_view device_id;
  std::uint64_t sequence = 0;  // the highest that it ever took
};

struct PublishedUpdate {
  model_update::Manifest manifest;
  std::vector<std::uint8_t> message;  // the signed manifest, as boards are sent it
  crypto::Es256PublicKey owner{};
  std::uint32_t share = 0;  // 0: goes to nobody
};

// One thread. Every change is on disk when it returns.
class ModelUpdates {
 public:
  // Makes the folder where absent. kDataLoss names a file that is no update: content and signature of each
  // are checked.
  [[nodiscard]] static Result<ModelUpdates> open(const std::filesystem::path& folder);

  // Keeps the update and begins to offer it; of its task and class the newest one stays beside it that goes
  // to all, the others are deleted. The manifest as it was read. kInvalidArgument: it is refused, and the
  // sentence says why: unsigned, changed, stale, expired (now: seconds since 1970), another key than that of
  // the updates before, other content than was signed, too large. kResourceExhausted: too many classes.
  [[nodiscard]] Result<model_update::Manifest> publish(const Publication& publication, std::uint64_t now);

  // From now on the newest update of task and class goes to `share`: 0 .. kWholeShare. kNotFound.
  [[nodiscard]] Status set_share(std::string_view task, std::string_view device_class, std::uint32_t share);

  // The newest update for the device that it has not taken and that has not expired; null when there is none.
  // Valid until the next change.
  [[nodiscard]] const PublishedUpdate* offer(const UpdateQuestion& question, std::uint64_t now) const;

  // Bytes of its content from `offset` on, at most `bytes_max`; none at and beyond its end. kIo.
  [[nodiscard]] Result<std::vector<std::uint8_t>> content(const PublishedUpdate& update, std::uint64_t offset,
                                                          std::size_t bytes_max) const;

  // By task and class, the newest first.
  [[nodiscard]] std::span<const PublishedUpdate> all() const { return updates_; }

 private:
  explicit ModelUpdates(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::filesystem::path path_of(const PublishedUpdate& update) const;
  // The newest of task and class, or the end.
  [[nodiscard]] std::vector<PublishedUpdate>::const_iterator newest_of(std::string_view task,
                                                                       std::string_view device_class) const;
  [[nodiscard]] Status check(const Publication& publication, const model_update::Manifest& manifest,
                             std::uint64_t now) const;
  [[nodiscard]] Status keep(const PublishedUpdate& update, Bytes content) const;
  [[nodiscard]] Status delete_older(const model_update::Manifest& than);
  void sort();

  std::filesystem::path folder_;
  std::vector<PublishedUpdate> updates_;
};

}  // namespace sotto::server
