// What kernels that resize images ask of their tensors.
#pragma once

#include <cstdint>

namespace sotto::device::portable {

// Whether batches * height * width * pixel_bytes are so many bytes, without wrapping.
template <typename Parameters>
bool volume_is(std::uint32_t bytes, const Parameters& p, std::uint32_t pixel_bytes, std::uint32_t height,
               std::uint32_t width) {
  const std::uint64_t plane = std::uint64_t{height} * width;  // below 2^32
  const std::uint64_t image = plane * pixel_bytes;            // below 2^64
  return image != 0 && image <= bytes && image * p.batches == bytes;
}

}  // namespace sotto::device::portable
