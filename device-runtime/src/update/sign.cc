// Writing manifests: for hosts, and for boards that nothing here is linked into.
#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/model_update/manifest.h"
#include "update/statement.h"

namespace sotto::model_update {
namespace {

class FieldCounter {
 public:
  template <typename T>
  void operator()(std::uint8_t, const T&) {
    ++count_;
  }
  void optional(std::uint8_t, std::uint64_t value) { count_ += value != 0 ? 1 : 0; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 2;  // format and kind
};

class FieldWriter {
 public:
  explicit FieldWriter(ByteWriter& out) : out_(out) {}
  void operator()(std::uint8_t key, std::uint64_t value) {
    put_head(out_, Major::kUnsigned, key);
    put_head(out_, Major::kUnsigned, value);
  }
  void operator()(std::uint8_t key, const Name& name) {
    put_head(out_, Major::kUnsigned, key);
    put_string(out_, Major::kText, text_bytes(name.view()));
  }
  void operator()(std::uint8_t key, const crypto::Digest& digest) {
    put_head(out_, Major::kUnsigned, key);
    put_head(out_, Major::kArray, 2);
    put_head(out_, Major::kNegative, -1 - kSha256Algorithm);
    put_string(out_, Major::kBytes, digest);
  }
  void operator()(std::uint8_t key, const crypto::Es256PublicKey& public_key) {
    put_head(out_, Major::kUnsigned, key);
    put_string(out_, Major::kBytes, public_key);
  }
  void optional(std::uint8_t key, std::uint64_t value) {
    if (value != 0) (*this)(key, value);
  }

 private:
  ByteWriter& out_;
};

}  // namespace

std::size_t encode_payload(const Manifest& manifest, MutableBytes out) {
  FieldCounter counter;
  visit_fields(manifest, counter);
  ByteWriter writer(out);
  put_head(writer, Major::kMap, counter.count());
  FieldWriter fields(writer);
  fields(kFormatKey, kFormat);
  fields(kKindKey, number_of(manifest.kind));
  visit_fields(manifest, fields);
  return writer.ok() ? writer.written() : 0;
}

std::size_t sign_manifest(const Manifest& manifest, const crypto::Es256PrivateKey& key, MutableBytes out) {
  SOTTO_CHECK(is_sound(manifest) && out.size() >= kManifestBytesMax);
  std::array<std::uint8_t, kManifestBytesMax> payload;
  const std::size_t size = encode_payload(manifest, payload);
  const Bytes written = Bytes(payload).first(size);
  const crypto::Es256Signature signature = key.sign(SignedStatement(written).bytes());
  ByteWriter writer(out);
  put_head(writer, Major::kTag, kSign1Tag);
  put_head(writer, Major::kArray, 4);
  put_string(writer, Major::kBytes, kProtected);
  put_head(writer, Major::kMap, 0);
  put_string(writer, Major::kBytes, written);
  put_string(writer, Major::kBytes, signature);
  SOTTO_CHECK(size != 0 && writer.ok());
  return writer.written();
}

}  // namespace sotto::model_update
