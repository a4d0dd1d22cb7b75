// What is signed of a manifest: the Sig_structure of RFC 9052 section 4.4.
#pragma once

#include <array>

#include "update/cbor.h"
#include "update/manifest_fields.h"

namespace sotto::model_update {

class SignedStatement {
 public:
  // Requires payload.size() <= kManifestBytesMax.
  explicit SignedStatement(Bytes payload) {
    ByteWriter out(bytes_);
    put_head(out, Major::kArray, 4);
    put_string(out, Major::kText, text_bytes(kContext));
    put_string(out, Major::kBytes, kProtected);
    put_string(out, Major::kBytes, text_bytes(kExternal));
    put_string(out, Major::kBytes, payload);
    size_ = out.ok() ? out.written() : 0;
  }
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, kManifestBytesMax + 64> bytes_;
  std::size_t size_ = 0;
};

}  // namespace sotto::model_update
