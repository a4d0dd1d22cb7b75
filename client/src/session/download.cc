#include "download.h"

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
    return data_loss("the coordinator's model has " + std::to_string(chunk.total_bytes) +
                     " bytes, the plan's has " + std::to_string(total_bytes_));
  }
  if (chunk.offset != offset()) {
    return data_loss("the coordinator sent the model from byte " + std::to_string(chunk.offset) + ", byte " +
                     std::to_string(offset()) + " was asked for");
  }
  if (chunk.bytes.empty() || chunk.bytes.size() > limits::kModelChunkBytes ||
      chunk.bytes.size() > total_bytes_ - offset()) {
    return data_loss("the coordinator sent a chunk of " + std::to_string(chunk.bytes.size()) +
                     " bytes at byte " + std::to_string(offset()) + " of a model of " +
                     std::to_string(total_bytes_));
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
