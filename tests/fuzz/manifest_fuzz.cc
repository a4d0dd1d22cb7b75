// A manifest's bytes, changed before and after they are signed: refused with a reason, or what is read is
// what would be signed again.
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/model_update/manifest.h"
#include "unit/device-runtime/update/update_cases.h"
#include "update/statement.h"

namespace {

using namespace sotto;
using namespace sotto::model_update;
using Buffer = std::vector<std::uint8_t>;

// As sign_manifest() does of any payload.
Buffer signed_payload(const crypto::Es256PrivateKey& key, Bytes payload) {
  Buffer message(2 * kManifestBytesMax);
  ByteWriter out(message);
  put_head(out, Major::kTag, kSign1Tag);
  put_head(out, Major::kArray, 4);
  put_string(out, Major::kBytes, kProtected);
  put_head(out, Major::kMap, 0);
  put_string(out, Major::kBytes, payload);
  put_string(out, Major::kBytes, key.sign(SignedStatement(payload).bytes()));
  SOTTO_CHECK(out.ok());
  message.resize(out.written());
  return message;
}

void check_read(Bytes message, const crypto::Es256PrivateKey& owner, bool was_signed) {
  const Buffer exact(message.begin(), message.end());  // so that a sanitizer sees every byte beyond it
  Manifest manifest;
  const Refusal refusal = read_signed(exact, owner.public_key(), manifest);
  SOTTO_CHECK(refusal <= last_of<Refusal>());
  if (refusal == Refusal::kNone) {
    SOTTO_CHECK(is_sound(manifest));
    // One encoding for each content: the payload is in the message as it would be written.
    Buffer payload(kManifestBytesMax);
    payload.resize(encode_payload(manifest, payload));
    SOTTO_CHECK(std::search(exact.begin(), exact.end(), payload.begin(), payload.end()) != exact.end());
  } else if (!was_signed) {
    SOTTO_CHECK(refusal != Refusal::kStale && refusal != Refusal::kExpired);
  }
  const Recipient board = board_of(owner.public_key());
  Manifest head_key;
  static_cast<void>(check_image(exact, board, manifest));
  static_cast<void>(check_head(exact, exact, board, manifest, head_key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::Es256PrivateKey owner = key_number(1);
  static const Manifest sound[] = {image_manifest(), head_manifest(),
                                   head_key_manifest(key_number(2).public_key()), tested_manifest()};
  fuzz::FuzzInput input(data, size);
  const Manifest& begun = sound[input.below(4)];
  if (input.chance(64)) {  // anything at all
    check_read(input.rest(), owner, false);
    return 0;
  }
  if (input.chance(128)) {  // a payload that the owner signed, however it looks
    Buffer payload(kManifestBytesMax);
    payload.resize(encode_payload(begun, payload));
    fuzz::mutate(input, payload);
    if (payload.size() > kManifestBytesMax) payload.resize(kManifestBytesMax);
    check_read(signed_payload(owner, payload), owner, true);
    return 0;
  }
  Buffer message = signed_by(owner, begun);
  fuzz::mutate(input, message);
  check_read(message, owner, false);
  return 0;
}
