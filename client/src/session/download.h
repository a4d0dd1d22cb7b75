// The global model's bytes, fetched chunk by chunk and checked against the plan's digest.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::client {

class ModelDownload {
 public:
  explicit ModelDownload(const proto::Plan& plan);

  // Goes on from bytes kept earlier. False, leaving the download empty, when they are more than the model
  // has.
  [[nodiscard]] bool resume(Bytes kept);
  // Appends the chunk asked for at offset(). kDataLoss when it is not that chunk.
  [[nodiscard]] Status accept(const proto::ModelChunk& chunk);
  void restart() { bytes_.clear(); }

  [[nodiscard]] std::uint64_t offset() const { return bytes_.size(); }
  [[nodiscard]] bool complete() const { return bytes_.size() == total_bytes_; }
  [[nodiscard]] Bytes bytes() const { return bytes_; }
  // Requires complete(). The parameters, or kDataLoss when the digest is not the plan's.
  [[nodiscard]] Result<std::vector<float>> parameters() const;

 private:
  std::uint64_t total_bytes_;
  crypto::Digest digest_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace sotto::client
