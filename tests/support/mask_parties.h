// The mask helper of tests that have one.
#pragma once

#include "sotto/secagg/one_shot.h"

namespace sotto::secagg {

// Good for the call that it is an argument of.
struct OneHelper {
  crypto::X25519PublicKey key;
  operator MaskHelpers() const { return {.keys = {&key, 1}}; }  // NOLINT(google-explicit-constructor)
};

}  // namespace sotto::secagg
