// The BearSSL backend's objects hold everything inside themselves: bytes of the largest of 32-bit boards and
// 64-bit hosts. Freestanding.
#pragma once

#include <cstddef>

namespace sotto::crypto::backend {

inline constexpr std::size_t kSha256Bytes = 112;
inline constexpr std::size_t kHkdfBytes = 136;
inline constexpr std::size_t kX25519Bytes = 32;
inline constexpr std::size_t kKeystreamBytes = 112;
inline constexpr std::size_t kEs256KeyBytes = 32;
inline constexpr std::size_t kEs256VerifierBytes = 8;

// A board's stack is small, and a call of BearSSL costs next to nothing.
inline constexpr std::size_t kBlockBytes = 512;

}  // namespace sotto::crypto::backend
