// The OpenSSL backend's objects are handles: OpenSSL keeps what they stand for on its own heap.
#pragma once

#include <cstddef>

namespace sotto::crypto::backend {

inline constexpr std::size_t kSha256Bytes = sizeof(void*);
inline constexpr std::size_t kHkdfBytes = 2 * sizeof(void*);
inline constexpr std::size_t kX25519Bytes = 3 * sizeof(void*);
inline constexpr std::size_t kKeystreamBytes = sizeof(void*);
inline constexpr std::size_t kEs256KeyBytes = sizeof(void*);
inline constexpr std::size_t kEs256VerifierBytes = 2 * sizeof(void*);

// Bytes that go through a cipher or a generator at a time, in a buffer on the stack: within a first-level
// cache, and many enough that the price of a call is lost among them.
inline constexpr std::size_t kBlockBytes = 8 * 1024;

}  // namespace sotto::crypto::backend
