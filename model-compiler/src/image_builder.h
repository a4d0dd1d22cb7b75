// The image while it grows: constants first, then whatever the writer appends; the header is filled in last.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "sotto/device_runtime/model_image.h"

namespace sotto::model_compiler {

class ImageBuilder {
 public:
  ImageBuilder() : bytes_(sizeof(device::ImageHeader)) {}

  // Appends on `alignment`; the offset from the image's start.
  template <typename T>
  std::uint32_t add(std::span<const T> values, std::uint32_t alignment = device::kImageAlignment) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_.resize(bytes_.size() + values.size_bytes());
    if (!values.empty()) std::memcpy(bytes_.data() + offset, values.data(), values.size_bytes());
    return offset;
  }
  template <typename T>
  std::uint32_t add(const std::vector<T>& values, std::uint32_t alignment = device::kImageAlignment) {
    return add(std::span<const T>(values), alignment);
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }

  // Pads to the image's alignment, puts the header before everything and computes its digests; `header` has
  // the version. Empties the builder.
  [[nodiscard]] std::vector<std::uint8_t> finish(device::ImageHeader header);

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace sotto::model_compiler
