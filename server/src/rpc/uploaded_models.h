// Initial models on their way from an operator: whole once every chunk has come and their SHA-256 is the one
// they were announced by, then handed out once. Kept in memory, so a restart begins an upload anew.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {

struct UploadChunk {
  crypto::Digest digest{};  // of the whole model
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  Bytes bytes;  // may be empty: asks how far the upload is
};

// Any thread.
class UploadedModels {
 public:
  // How many bytes of the model are there now. A chunk that does not begin there is left aside, so that
  // whoever lost an answer, or connects again, goes on from what this returns. kInvalidArgument when no
  // model has so many bytes; kDataLoss when the model is complete and is not the one announced: it is then
  // forgotten.
  [[nodiscard]] Result<std::uint64_t> take(const UploadChunk& chunk);
  // The values of a complete model, which is then forgotten. kNotFound when it is not here, or not whole;
  // kInvalidArgument when it is not float32 values.
  [[nodiscard]] Result<std::vector<float>> claim(const crypto::Digest& digest);
  // The same as bytes, of what is no vector of values: an update's content.
  [[nodiscard]] Result<std::vector<std::uint8_t>> claim_bytes(const crypto::Digest& digest);

 private:
  struct Upload {
    crypto::Digest digest{};
    std::uint64_t total_bytes = 0;
    std::vector<std::uint8_t> bytes{};
  };
  // The upload's, begun if need be; the one longest untouched gives way.
  Upload& find_or_begin(const UploadChunk& chunk);

  std::mutex mutex_;
  std::deque<Upload> uploads_;  // the one touched last at the back
};

}  // namespace sotto::server
