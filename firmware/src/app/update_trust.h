// Whose updates of its model a board takes, and which: written when the board is made. A board without it
// runs the model that was flashed for as long as it lives. Freestanding.
#pragma once

#include <cstddef>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/crypto/primitives.h"
#include "sotto/model_update/manifest.h"

namespace sotto::board {

// owner (65) || class, task, each as u8 length and text
struct UpdateTrust {
  static constexpr std::size_t kBytesMax = crypto::kEs256PublicKeyBytes + 2 * (1 + limits::kNameBytesMax);

  crypto::Es256PublicKey owner{};
  model_update::Name device_class;
  model_update::Name task;
};

// How many bytes of `out` (UpdateTrust::kBytesMax suffice) it takes.
[[nodiscard]] std::size_t encode_update_trust(const UpdateTrust& trust, MutableBytes out);
// False when the bytes are none.
[[nodiscard]] bool decode_update_trust(Bytes bytes, UpdateTrust& trust);

}  // namespace sotto::board
