// A compiled image that a test takes apart: its records by name, each where the header or another record
// says.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "sotto/device_runtime/model_image.h"
#include "sotto/model_compiler/host_model.h"
#include "unit/model-compiler/aligned_memory.h"

namespace sotto::device {

class ImageEditor {
 public:
  explicit ImageEditor(std::span<const std::uint8_t> image) : blocks_(blocks_of(image.size())) {
    std::memcpy(bytes(), image.data(), image.size());
  }

  // References into the image are good until it grows.
  template <typename T>
  T& at(std::uint32_t offset) {
    return *reinterpret_cast<T*>(bytes() + offset);
  }
  ImageHeader& header() { return at<ImageHeader>(0); }
  ImageOperator& op(std::uint32_t i = 0) {
    return at<ImageOperator>(header().operators + i * static_cast<std::uint32_t>(sizeof(ImageOperator)));
  }
  ImageOperand& operand(std::uint32_t i, std::uint32_t of_operator = 0) {
    return at<ImageOperand>(op(of_operator).operands + i * static_cast<std::uint32_t>(sizeof(ImageOperand)));
  }
  ImageTensor& tensor(std::uint32_t i = 0) {
    return at<ImageTensor>(header().tensors + i * static_cast<std::uint32_t>(sizeof(ImageTensor)));
  }
  ImageHead& head() { return at<ImageHead>(header().head); }
  template <typename Parameters>
  Parameters& parameters(std::uint32_t of_operator = 0) {
    return at<Parameters>(op(of_operator).parameters);
  }

  // Copies `count` bytes to the image's end, `skew` bytes beyond a constant's boundary; where they are now.
  // The image then ends with them.
  std::uint32_t move_to_end(std::uint32_t from, std::uint32_t count, std::uint32_t skew = 0) {
    const std::uint32_t to =
        (header().image_bytes + kImageAlignment - 1) / kImageAlignment * kImageAlignment + skew;
    blocks_.resize(blocks_of(to + count));
    std::memcpy(bytes() + to, bytes() + from, count);
    header().image_bytes = to + count;
    return to;
  }

  void set_activation_bytes(std::uint32_t activation_bytes) {
    header().activation_bytes = activation_bytes;
    header().arena_bytes = activation_bytes + kStateBytes;
  }

  // Opens a copy in memory of exactly the image's size, with an arena of exactly the size that it asks for.
  [[nodiscard]] sotto_error open(std::uint32_t options = SOTTO_OPEN_SKIP_CHECKSUM,
                                 const sotto_kernel_table& kernels = host_kernels()) {
    const AlignedMemory image(std::span<const std::uint8_t>(bytes(), header().image_bytes));
    const AlignedMemory arena(header().arena_bytes);
    sotto_model* model = nullptr;
    return sotto_model_open_with(image.data(), image.size(), arena.data(), arena.size(), &kernels, options,
                                 &model);
  }

  std::uint8_t* bytes() { return blocks_.data()->bytes; }

 private:
  struct Block {
    alignas(SOTTO_ALIGNMENT) std::uint8_t bytes[SOTTO_ALIGNMENT];
  };
  static std::size_t blocks_of(std::size_t bytes) { return (bytes + sizeof(Block) - 1) / sizeof(Block); }

  std::vector<Block> blocks_;
};

}  // namespace sotto::device
