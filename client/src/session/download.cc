#include "download.h"

#include <fmt/core.h>

#include <string>

#include "sotto/base/limits.h"

namespace sotto::client {

ModelDownload::ModelDownload(const proto::Plan& plan)
    : total_bytes_(plan.model.parameter_count() * sizeof(float)), digest_(plan.model_digest) {}

bool ModelDownload::resume(Bytes kept) {
  if (kept.size() > total_bytes_) return false;
  bytes_.assign(kept.begin(), kept.end());
  return true;
}

Status ModelDownload::accept(const proto::ModelChunk& chunk) {
  if (chunk.total_bytes != total_bytes_) {
    return data_loss(fmt::format("the coordinator's model has {} bytes, the plan's has {}", chunk.total_bytes,
                                 total_bytes_));
  }
  if (chunk.offset != offset()) {
    return data_loss(fmt::format("the coordinator sent the model from byte {}, byte {} was asked for",
                                 chunk.offset, offset()));
  }
  if (chunk.bytes.empty() || chunk.bytes.size() > limits::kModelChunkBytes ||
      chunk.bytes.size() > total_bytes_ - offset()) {
    return data_loss(fmt::format("the coordinator sent a chunk of {} bytes at byte {} of a model of {}",
                                 chunk.bytes.size(), offset(), total_bytes_));
  }
  bytes_.reserve(total_bytes_);
  bytes_.insert(bytes_.end(), chunk.bytes.begin(), chunk.bytes.end());
  return {};
}

Result<std::vector<float>> ModelDownload::parameters() const {
  if (crypto::sha256({bytes_}) != digest_) {
    return data_loss("the downloaded model's SHA-256 is not the one in the plan");
  }
  std::vector<float> parameters(total_bytes_ / sizeof(float));
  ByteReader reader(bytes_);
  for (float& value : parameters) value = reader.f32();
  return parameters;
}

}  // namespace sotto::client
