// Runs one kernel on a small image that holds its parameters and constants.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device {

class KernelBench {
 public:
  // A constant on its alignment; its offset.
  template <typename T>
  std::uint32_t constant(const std::vector<T>& values) {
    const std::uint32_t offset =
        static_cast<std::uint32_t>((image_.size() + kImageAlignment - 1) / kImageAlignment * kImageAlignment);
    image_.resize(offset + values.size() * sizeof(T));
    std::memcpy(image_.data() + offset, values.data(), values.size() * sizeof(T));
    return offset;
  }

  template <typename T>
  void input(const std::vector<T>& values) {
    inputs_.emplace_back(reinterpret_cast<const std::int8_t*>(values.data()),
                         reinterpret_cast<const std::int8_t*>(values.data() + values.size()));
  }

  // The output's bytes, or nothing when the kernel refuses the parameters.
  template <typename T = std::int8_t, typename Parameters>
  std::optional<std::vector<T>> run(const sotto_kernel& kernel, const Parameters& parameters,
                                    std::uint32_t count) {
    lay_out(count * sizeof(T));
    const KernelCheck check{image(), image_bytes(), &parameters, operands_.data(), input_count(), 1, 0};
    if (kernel.parameters_bytes != sizeof parameters || !kernel.check(check)) return std::nullopt;
    kernel.run({image(), arena(), &parameters, operands_.data(), input_count(), nullptr});
    std::vector<T> output(count);
    std::memcpy(output.data(), arena() + operands_.back().offset, count * sizeof(T));
    return output;
  }

 private:
  void lay_out(std::size_t output_bytes) {
    operands_.clear();
    std::size_t offset = 0;
    arena_.assign(1 << 12, 0x5A5A5A5A);
    for (const auto& values : inputs_) {
      std::memcpy(arena() + offset, values.data(), values.size());
      operands_.push_back(
          {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(values.size()), Place::kArena});
      offset = (offset + values.size() + 3) / 4 * 4;
    }
    operands_.push_back(
        {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(output_bytes), Place::kArena});
    words_.assign(image_.size() / 4 + 1, 0);
    if (!image_.empty()) std::memcpy(words_.data(), image_.data(), image_.size());
  }

  const std::uint8_t* image() { return reinterpret_cast<const std::uint8_t*>(words_.data()); }
  std::uint32_t image_bytes() const { return static_cast<std::uint32_t>(image_.size()); }
  std::uint8_t* arena() { return reinterpret_cast<std::uint8_t*>(arena_.data()); }
  std::uint32_t input_count() const { return static_cast<std::uint32_t>(inputs_.size()); }

  std::vector<std::uint8_t> image_;
  std::vector<std::uint32_t> words_;  // the image, aligned
  std::vector<std::uint32_t> arena_;
  std::vector<std::vector<std::int8_t>> inputs_;
  std::vector<ImageOperand> operands_;
};

}  // namespace sotto::device
