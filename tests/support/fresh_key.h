// Private keys for tests that need one which nobody has had before.
#pragma once

#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

[[nodiscard]] inline Es256PrivateKey fresh_key() {
  SystemRandom random;
  return Es256PrivateKey::generate(random);
}

}  // namespace sotto::crypto
