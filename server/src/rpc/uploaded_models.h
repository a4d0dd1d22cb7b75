// Initial models on their way from operators: whole once every chunk has come and their SHA-256 is the one
// they were announced by, then handed out once to each operator who asked how far it is. Kept in memory, so a
// restart begins an upload anew.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {

struct UploadChunk {
  crypto::Digest digest{};  // of the whole model
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  Bytes bytes;  // may be empty: asks how far the upload is, as everybody does who begins one or goes on
};

// Any thread.
class UploadedModels {
 public:
  // How many bytes of the model are there now. A chunk that does not begin there is left aside, so that
  // whoever lost an answer, connects again, or is one of several who send the same model, goes on from what
  // this returns. kInvalidArgument when no model has so many bytes; kDataLoss when the model is complete and
  // is not the one announced: it is then forgotten; kUnavailable while others are on their way.
  [[nodiscard]] Result<std::uint64_t> take(const UploadChunk& chunk, Time now);
  // The values of a complete model, which is forgotten when as many have claimed it as asked for it.
  // kNotFound when it is not here, or not whole; kInvalidArgument when it is not float32 values.
  [[nodiscard]] Result<std::vector<float>> claim(const crypto::Digest& digest);
  // The same as bytes, of what is no vector of values: an update's content.
  [[nodiscard]] Result<std::vector<std::uint8_t>> claim_bytes(const crypto::Digest& digest);

 private:
  struct Upload {
    crypto::Digest digest{};
    std::uint64_t total_bytes = 0;
    std::vector<std::uint8_t> bytes{};
    std::size_t operators = 0;  // who asked how far it is, and have not claimed it
    Time touched{};
  };
  // The upload's, begun if need be; one that nobody sends any more gives way. Null when there is none.
  Upload* find_or_begin(const UploadChunk& chunk, Time now);

  std::mutex mutex_;
  std::deque<Upload> uploads_;  // the one touched last at the back
};

}  // namespace sotto::server
