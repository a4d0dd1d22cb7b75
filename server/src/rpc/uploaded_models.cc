#include "rpc/uploaded_models.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "sotto/base/limits.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

constexpr std::size_t kUploadsMax = 2;  // of up to 64 MiB each
// An operator who has not been heard of for so long has gone.
constexpr std::chrono::milliseconds kGivesWay = std::chrono::seconds(10);
constexpr std::uint64_t kModelBytesMax = limits::kParametersMax * sizeof(float);

}  // namespace

UploadedModels::Upload* UploadedModels::find_or_begin(const UploadChunk& chunk, Time now) {
  const auto found =
      std::ranges::find_if(uploads_, [&](const Upload& upload) { return upload.digest == chunk.digest; });
  Upload upload{.digest = chunk.digest, .total_bytes = chunk.total_bytes};
  if (found != uploads_.end()) {
    if (found->total_bytes == chunk.total_bytes) upload = std::move(*found);
    uploads_.erase(found);
  }
  if (uploads_.size() == kUploadsMax) {
    if (now - uploads_.front().touched < kGivesWay) return nullptr;
    uploads_.pop_front();
  }
  upload.touched = now;
  uploads_.push_back(std::move(upload));
  return &uploads_.back();
}

Result<std::uint64_t> UploadedModels::take(const UploadChunk& chunk, Time now) {
  if (chunk.total_bytes == 0 || chunk.total_bytes > kModelBytesMax) {
    return invalid_argument("a model of " + std::to_string(chunk.total_bytes) + " bytes: it must have 1 to " +
                            std::to_string(kModelBytesMax));
  }
  if (chunk.bytes.size() > limits::kModelChunkBytes) {
    return invalid_argument("a chunk of " + std::to_string(chunk.bytes.size()) + " bytes: at most " +
                            std::to_string(limits::kModelChunkBytes) + " at a time");
  }
  const std::lock_guard lock(mutex_);
  Upload* const found = find_or_begin(chunk, now);
  if (found == nullptr) {
    return unavailable(std::to_string(kUploadsMax) +
                       " other initial models are being uploaded: try again in a minute");
  }
  Upload& upload = *found;
  const std::uint64_t received = upload.bytes.size();
  if (chunk.bytes.empty()) ++upload.operators;
  if (chunk.offset != received || chunk.bytes.empty()) return received;
  if (chunk.bytes.size() > chunk.total_bytes - received) {
    return invalid_argument("the chunk reaches beyond the model's " + std::to_string(chunk.total_bytes) +
                            " bytes");
  }
  upload.bytes.insert(upload.bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  const std::uint64_t there = upload.bytes.size();
  if (there == upload.total_bytes && crypto::sha256({upload.bytes}) != upload.digest) {
    uploads_.pop_back();
    return data_loss("the model that arrived does not have the SHA-256 it was announced by: send it again");
  }
  return there;
}

Result<std::vector<std::uint8_t>> UploadedModels::claim_bytes(const crypto::Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(uploads_, [&](const Upload& upload) { return upload.digest == digest; });
  if (found == uploads_.end() || found->bytes.size() != found->total_bytes) {
    return not_found("what was to be uploaded is not here, or not whole: upload it again");
  }
  if (found->operators > 1) {
    --found->operators;
    return found->bytes;
  }
  std::vector<std::uint8_t> bytes = std::move(found->bytes);
  uploads_.erase(found);
  return bytes;
}

Result<std::vector<float>> UploadedModels::claim(const crypto::Digest& digest) {
  const auto bytes = claim_bytes(digest);
  if (!bytes) return bytes.error();
  std::optional<std::vector<float>> values = decode_floats(*bytes);
  if (!values) {
    return invalid_argument("a model of " + std::to_string(bytes->size()) +
                            " bytes: it must be float32 values, 4 bytes each");
  }
  return std::move(*values);
}

}  // namespace sotto::server
