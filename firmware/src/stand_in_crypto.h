// How large the objects of the stand-in backend are: about as large as those of small libraries for boards.
#pragma once

#include <cstddef>

namespace sotto::crypto::backend {

inline constexpr std::size_t kSha256Bytes = 112;
inline constexpr std::size_t kHkdfBytes = 32;
inline constexpr std::size_t kX25519Bytes = 32;
inline constexpr std::size_t kKeystreamBytes = 112;
inline constexpr std::size_t kEs256KeyBytes = 32;
inline constexpr std::size_t kEs256VerifierBytes = 8;

inline constexpr std::size_t kBlockBytes = 512;

}  // namespace sotto::crypto::backend
