// Reading manifests, and whom they are for.
#include "sotto/model_update/manifest.h"

#include <cstring>
#include <limits>

#include "sotto/base/fields.h"
#include "update/statement.h"

namespace sotto::model_update {
namespace {

class FieldReader {
 public:
  explicit FieldReader(CborReader& reader) : reader_(reader) {}

  template <typename T>
  void operator()(std::uint8_t key, T& member) {
    if (reader_.head(Major::kUnsigned) != key) reader_.fail();
    read(member);
    ++count_;
  }
  template <typename T>
  void optional(std::uint8_t key, T& member) {
    member = 0;
    if (!reader_.next_is(key)) return;
    (*this)(key, member);
    if (member == 0) reader_.fail();
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  void read(std::uint64_t& value) { value = reader_.head(Major::kUnsigned); }
  void read(std::uint32_t& value) {
    const std::uint64_t wide = reader_.head(Major::kUnsigned);
    if (wide > std::numeric_limits<std::uint32_t>::max()) reader_.fail();
    value = static_cast<std::uint32_t>(wide);
  }
  void read(Name& name) {
    const std::string_view text = bytes_text(reader_.string(Major::kText));
    if (!name.assign(std::span<const char>(text.data(), text.size()))) reader_.fail();
  }
  void read(crypto::Digest& digest) {
    if (reader_.head(Major::kArray) != 2) reader_.fail();
    if (reader_.head(Major::kNegative) != -1 - kSha256Algorithm) reader_.fail();
    read_bytes(digest);
  }
  void read(crypto::Es256PublicKey& key) { read_bytes(key); }
  void read_bytes(MutableBytes to) {
    const Bytes from = reader_.string(Major::kBytes);
    if (from.size() != to.size()) {
      reader_.fail();
      return;
    }
    std::memcpy(to.data(), from.data(), to.size());
  }

  CborReader& reader_;
  std::uint64_t count_ = 0;
};

// Of what was signed: that it ends early is no accident of the way any more.
bool decode_payload(Bytes payload, Manifest& manifest) {
  manifest = {};
  CborReader reader(payload);
  const std::uint64_t count = reader.head(Major::kMap);
  FieldReader fields(reader);
  std::uint32_t format = 0;
  std::uint32_t kind = 0;
  fields(kFormatKey, format);
  fields(kKindKey, kind);
  if (!reader.ok() || format != kFormat || kind < number_of(first_of<Kind>()) ||
      kind > number_of(last_of<Kind>())) {
    return false;
  }
  manifest.kind = static_cast<Kind>(kind);
  visit_fields(manifest, fields);
  return reader.finished() && count == fields.count() && is_sound(manifest);
}

bool is_name(const Name& name) { return !name.empty() && name_characters(name.view()); }

struct Envelope {
  Bytes payload;
  crypto::Es256Signature signature{};
};

Refusal open_envelope(Bytes message, Envelope& envelope) {
  if (message.empty()) return Refusal::kTruncated;
  if (message.size() > kManifestBytesMax) return Refusal::kMalformed;
  if (message[0] >> 5 == static_cast<std::uint8_t>(Major::kMap)) return Refusal::kUnsigned;
  CborReader reader(message);
  const bool is_sign1 = reader.head(Major::kTag) == kSign1Tag && reader.head(Major::kArray) == 4;
  const Bytes header = reader.string(Major::kBytes);
  const std::uint64_t unprotected = reader.head(Major::kMap);
  envelope.payload = reader.string(Major::kBytes);
  const Bytes signature = reader.string(Major::kBytes);
  if (reader.truncated()) return Refusal::kTruncated;
  if (!reader.finished() || !is_sign1 || unprotected != 0) return Refusal::kMalformed;
  if (header.size() != sizeof kProtected || std::memcmp(header.data(), kProtected, sizeof kProtected) != 0) {
    return Refusal::kMalformed;
  }
  if (signature.empty()) return Refusal::kUnsigned;
  if (signature.size() != envelope.signature.size()) return Refusal::kMalformed;
  std::memcpy(envelope.signature.data(), signature.data(), signature.size());
  return Refusal::kNone;
}

// What holds for every kind.
Refusal check_common(const Manifest& manifest, Kind kind, const Recipient& recipient) {
  if (manifest.kind != kind) return Refusal::kWrongKind;
  if (manifest.device_class.view() != recipient.device_class) return Refusal::kForeignClass;
  if (manifest.task.view() != recipient.task) return Refusal::kForeignTask;
  if (recipient.now != kNoClock && has_expired(manifest, recipient.now)) return Refusal::kExpired;
  return Refusal::kNone;
}

Refusal check_content(const Manifest& manifest, const Recipient& recipient) {
  if (manifest.sequence <= recipient.sequence) return Refusal::kStale;
  if (manifest.runtime > recipient.runtime) return Refusal::kRuntimeTooOld;
  if (manifest.size > recipient.slot_bytes) return Refusal::kTooLarge;
  return Refusal::kNone;
}

Refusal check_shape(const HeadShape& shape, const HeadShape& running) {
  if (shape.base != running.base) return Refusal::kForeignBase;
  return shape == running ? Refusal::kNone : Refusal::kWrongShape;
}

}  // namespace

bool is_sound(const Manifest& manifest) {
  const bool is_common = manifest.sequence != 0 && is_name(manifest.device_class) && is_name(manifest.task);
  const bool is_content = manifest.size != 0 && manifest.runtime != 0;
  const bool is_shape = manifest.shape.features != 0 && manifest.shape.outputs != 0 &&
                        head_bytes(manifest.shape) <= std::numeric_limits<std::uint32_t>::max();
  if (!is_common) return false;
  switch (manifest.kind) {
    case Kind::kImage:
      return is_content && manifest.ram_bytes != 0 && manifest.self_tests <= kSelfTestsMax &&
             manifest.self_tests < manifest.size;
    case Kind::kHead:
      return is_content && is_shape && manifest.size == head_bytes(manifest.shape);
    case Kind::kHeadKey:
      return is_shape && manifest.norm_max_milli != 0;
  }
  return false;
}

bool has_expired(const Manifest& manifest, std::uint64_t now) {
  return manifest.expires_at != kNeverExpires && now >= manifest.expires_at;
}

Refusal check_bytes(const Manifest& manifest, Bytes content) {
  if (content.size() < manifest.size) return Refusal::kTruncated;
  const bool same = content.size() == manifest.size && crypto::sha256({content}) == manifest.digest;
  return same ? Refusal::kNone : Refusal::kWrongDigest;
}

Refusal read_signed(Bytes message, const crypto::Es256PublicKey& key, Manifest& manifest) {
  Envelope envelope;
  const Refusal refusal = open_envelope(message, envelope);
  if (refusal != Refusal::kNone) return refusal;
  const SignedStatement statement(envelope.payload);
  if (statement.bytes().empty() || !crypto::es256_verify(key, statement.bytes(), envelope.signature)) {
    return Refusal::kBadSignature;
  }
  return decode_payload(envelope.payload, manifest) ? Refusal::kNone : Refusal::kMalformed;
}

Refusal check_image(Bytes message, const Recipient& recipient, Manifest& manifest) {
  Refusal refusal = read_signed(message, recipient.owner, manifest);
  if (refusal == Refusal::kNone) refusal = check_common(manifest, Kind::kImage, recipient);
  if (refusal == Refusal::kNone) refusal = check_content(manifest, recipient);
  if (refusal != Refusal::kNone) return refusal;
  return manifest.ram_bytes > recipient.ram_bytes ? Refusal::kTooMuchMemory : Refusal::kNone;
}

Refusal check_head(Bytes message, Bytes head_key_message, const Recipient& recipient, Manifest& manifest,
                   Manifest& head_key) {
  Refusal refusal = read_signed(head_key_message, recipient.owner, head_key);
  if (refusal == Refusal::kNone) refusal = check_common(head_key, Kind::kHeadKey, recipient);
  if (refusal == Refusal::kNone) refusal = check_shape(head_key.shape, recipient.shape);
  if (refusal != Refusal::kNone) return refusal;
  // An owner who issues another head key takes the ones before back.
  if (head_key.sequence < recipient.head_key_sequence) return Refusal::kStale;
  refusal = read_signed(message, head_key.head_key, manifest);
  if (refusal == Refusal::kNone) refusal = check_common(manifest, Kind::kHead, recipient);
  if (refusal == Refusal::kNone) refusal = check_content(manifest, recipient);
  return refusal == Refusal::kNone ? check_shape(manifest.shape, recipient.shape) : refusal;
}

HeadValues::HeadValues(std::uint32_t norm_max_milli) {
  const float limit = static_cast<float>(norm_max_milli) / 1000.0f;
  limit_squared_ = limit * limit;
}

void HeadValues::add(float value, float base) {
  const float difference = value - base;
  sum_ += difference * difference;
}

// A sum that is no number is not within any bound.
Refusal HeadValues::finish() const {
  return sum_ <= limit_squared_ ? Refusal::kNone : Refusal::kNormExceeded;
}

}  // namespace sotto::model_update
