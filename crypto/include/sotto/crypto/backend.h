// How much memory the objects of primitives.h need of their backend. A board's build names a header of its
// own in SOTTO_CRYPTO_BACKEND, which defines the same constants. Freestanding.
#pragma once

#ifdef SOTTO_CRYPTO_BACKEND
#include SOTTO_CRYPTO_BACKEND
#else
#include "sotto/crypto/openssl_sizes.h"
#endif
