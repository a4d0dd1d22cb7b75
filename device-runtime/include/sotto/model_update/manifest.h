// What a board is told of an update before it takes one (PROTOCOL.md section 12): a manifest in the manner of
// SUIT (RFC 9019, RFC 9124), deterministic CBOR (RFC 8949 section 4.2), signed as COSE_Sign1 with ES256
// (RFC 9052). Any bytes may be given: they are refused with a reason. Freestanding, no heap; what is returned
// borrows nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/base/enum_names.h"
#include "sotto/base/inline_list.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"

namespace sotto::model_update {

// Of this runtime. Grows when images can ask for what earlier runtimes could not do.
inline constexpr std::uint32_t kRuntimeVersion = 1;

// The longest signed manifest.
inline constexpr std::size_t kManifestBytesMax = 512;
inline constexpr std::uint64_t kNeverExpires = 0;
inline constexpr std::uint64_t kNoClock = 0;
// Reference inputs that travel with an image, at most.
inline constexpr std::uint32_t kSelfTestsMax = 64;

enum class Kind : std::uint8_t {
  kImage = 1,    // a model image, by the owner's key
  kHead = 2,     // a trained head for an image, by a head key
  kHeadKey = 3,  // the owner's permission to sign heads
};

// Which head fits which image.
struct HeadShape {
  crypto::Digest base{};       // SHA-256 of the image with the backbone: what its manifest has as digest
  std::uint32_t features = 0;  // inputs of the head, at least 1
  std::uint32_t outputs = 0;   // at least 1
  friend bool operator==(const HeadShape&, const HeadShape&) = default;
};

using Name = InlineText<limits::kNameBytesMax>;  // 1 to 64 bytes of A-Z a-z 0-9 . _ -

// One record for all kinds; a kind has the fields that it needs.
struct Manifest {
  Kind kind = Kind::kImage;
  std::uint64_t sequence = 0;  // from 1; grows with each update of its kind
  Name device_class;
  Name task;
  std::uint64_t expires_at = kNeverExpires;  // seconds since 1970, the first in which it does not hold
  // Images and heads:
  std::uint32_t size = 0;       // bytes of what the digest is of, at least 1
  crypto::Digest digest{};      // SHA-256
  std::uint32_t runtime = 0;    // the least kRuntimeVersion that runs it, at least 1
  std::uint32_t ram_bytes = 0;  // images: the arena
  // Images: reference inputs that stand behind the image in the content, 0 .. kSelfTestsMax, each as long as
  // the model's inputs together; and the SHA-256 of all outputs that the model must give for them, in order.
  std::uint32_t self_tests = 0;
  crypto::Digest self_test_outputs{};
  HeadShape shape{};  // heads and head keys
  // Head keys:
  crypto::Es256PublicKey head_key{};
  std::uint32_t norm_max_milli = 0;  // thousandths; bound of the L2 norm of a head less the image's own
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Bytes of a head's values: float32, little-endian, weights [outputs][features], then biases [outputs], as
// sotto_head_write() takes them.
[[nodiscard]] constexpr std::uint64_t head_bytes(const HeadShape& shape) {
  return 4 * (std::uint64_t{shape.features} + 1) * shape.outputs;
}

// Numbers are those of golden vectors; a kept state may hold them.
enum class Refusal : std::uint8_t {
  kNone = 0,
  kTruncated,
  kMalformed,
  kUnsigned,
  kBadSignature,
  kWrongKind,
  kForeignClass,
  kForeignTask,
  kStale,
  kExpired,
  kRuntimeTooOld,
  kTooLarge,
  kTooMuchMemory,
  kWrongDigest,
  kForeignBase,
  kWrongShape,
  kNormExceeded,
  kSelfTestFailed,
};

// True for a manifest whose fields are all in their ranges: what can be signed, and what is ever accepted.
[[nodiscard]] bool is_sound(const Manifest& manifest);
// At `now`, seconds since the Unix epoch.
[[nodiscard]] bool has_expired(const Manifest& manifest, std::uint64_t now);
// Whether these are the bytes of which it is: kTruncated, kWrongDigest.
[[nodiscard]] Refusal check_bytes(const Manifest& manifest, Bytes content);

// What a board, or a host in its place, holds a manifest against.
struct Recipient {
  const crypto::Es256PublicKey& owner;
  std::string_view device_class;
  std::string_view task;
  std::uint64_t sequence = 0;           // the highest that it ever took, of the kind that it asks about
  std::uint64_t head_key_sequence = 0;  // the highest of a head key's manifest that it ever followed
  std::uint64_t now = kNoClock;         // seconds since 1970; without a clock sequence alone counts
  std::uint32_t runtime = kRuntimeVersion;
  std::uint32_t slot_bytes = 0;  // room for what the manifest is of
  std::uint32_t ram_bytes = 0;   // room for an arena
  HeadShape shape{};             // of the image that runs; for heads
};

// kNone when the owner signed it and it is for this recipient; then `manifest` is what it says. Otherwise
// `manifest` is unspecified.
[[nodiscard]] Refusal check_image(Bytes message, const Recipient& recipient, Manifest& manifest);
// The same of a head: the owner signed `head_key_message` for this image and these days, and its key signed
// `message`. The values themselves are HeadValues' to check, by head_key.norm_max_milli.
[[nodiscard]] Refusal check_head(Bytes message, Bytes head_key_message, const Recipient& recipient,
                                 Manifest& manifest, Manifest& head_key);
// Signature and ranges alone: what somebody signed, for whom ever it is.
[[nodiscard]] Refusal read_signed(Bytes message, const crypto::Es256PublicKey& key, Manifest& manifest);

// A head's values one after the other: finite, and no further from the image's own than the bound.
class HeadValues {
 public:
  explicit HeadValues(std::uint32_t norm_max_milli);
  void add(float value, float base);
  // kNormExceeded, also for values that are no numbers.
  [[nodiscard]] Refusal finish() const;

 private:
  float limit_squared_;
  float sum_ = 0;
};

// Signs. The number of bytes written to `out`, which holds kManifestBytesMax. Requires is_sound(manifest).
[[nodiscard]] std::size_t sign_manifest(const Manifest& manifest, const crypto::Es256PrivateKey& key,
                                        MutableBytes out);

// The payload alone, unsigned; 0 when `out` is too short.
[[nodiscard]] std::size_t encode_payload(const Manifest& manifest, MutableBytes out);

}  // namespace sotto::model_update

template <>
struct sotto::EnumNames<sotto::model_update::Kind> {
  using Kind = sotto::model_update::Kind;
  static constexpr EnumName<Kind> kAll[] = {{Kind::kImage, "image", "a model image"},
                                            {Kind::kHead, "head", "a trained head of an image"},
                                            {Kind::kHeadKey, "head-key", "permission to sign heads"}};
};

// kNone is no refusal and has no row. The meaning is a sentence: what was wrong and what to do.
template <>
struct sotto::EnumNames<sotto::model_update::Refusal> {
  using Refusal = sotto::model_update::Refusal;
  static constexpr EnumName<Refusal> kAll[] = {
      {Refusal::kTruncated, "truncated", "the manifest or what it is of ends early; send it again"},
      {Refusal::kMalformed, "malformed", "these bytes are no manifest; sign one with `sotto model sign`"},
      {Refusal::kUnsigned, "unsigned", "the manifest has no signature; sign it with `sotto model sign`"},
      {Refusal::kBadSignature, "bad signature",
       "the manifest was changed, or another key signed it; sign it with the key that the board trusts"},
      {Refusal::kWrongKind, "wrong kind", "the manifest is of something else than what is updated here"},
      {Refusal::kForeignClass, "foreign class", "the update is for another class of devices"},
      {Refusal::kForeignTask, "foreign task", "the update is of another task"},
      {Refusal::kStale, "stale",
       "an update with this sequence number or a higher one was taken before; "
       "sign with a higher one"},
      {Refusal::kExpired, "expired", "the manifest has expired; sign it again with a later end"},
      {Refusal::kRuntimeTooOld, "runtime too old", "the update needs a newer runtime; update the firmware"},
      {Refusal::kTooLarge, "too large", "the update is larger than the slot for it"},
      {Refusal::kTooMuchMemory, "too much memory", "the model needs a larger arena than the board has"},
      {Refusal::kWrongDigest, "wrong digest", "the bytes are not those that were signed; send them again"},
      {Refusal::kForeignBase, "foreign base", "the head is for another image than the one that runs"},
      {Refusal::kWrongShape, "wrong shape", "the head has other features or outputs than the image's"},
      {Refusal::kNormExceeded, "norm exceeded",
       "the head is further from the image's own than its key may go, or holds what is no number"},
      {Refusal::kSelfTestFailed, "self-test failed",
       "the model does not give the outputs that were signed for its reference inputs; sign it again with "
       "outputs of this model"},
  };
};

namespace sotto::model_update {

// The refusal's sentence, "accepted" for kNone, "refused" for a number that is none. Static storage.
[[nodiscard]] constexpr const char* describe(Refusal refusal) {
  if (refusal == Refusal::kNone) return "accepted";
  const EnumName<Refusal>* name = find_name(refusal);
  return name == nullptr ? "refused" : name->meaning;
}

}  // namespace sotto::model_update
