// Operators that only move bytes, as blocks for kRearrange. Shapes are in elements,
// and every index here has been checked against them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sotto/base/bytes.h"
#include "tensor/axes.h"

namespace sotto::model_compiler {

// One block: nested loops from `input_offset` and `output_offset` on. In elements until encoded.
struct Block {
  std::uint16_t input = 0, output = 0;  // which operands
  std::int64_t input_offset = 0;
  std::int64_t output_offset = 0;
  std::vector<device::Axis> axes;
};

// A number of steps along each dimension of a tensor, from `begins` on.
struct Range {
  std::vector<std::int32_t> begins;
  std::vector<std::int32_t> steps;  // between indices; may be negative
  Shape counts;
};

// SLICE, STRIDED_SLICE, SPLIT: the range of `input`, dense in output `to_operand`.
[[nodiscard]] Block gather_range(std::span<const std::uint32_t> input, const Range& range,
                                 std::uint16_t to_operand = 0);
// CONCATENATION, PACK, PAD: dense input `from_operand` into `output`, its first element at `begins`.
[[nodiscard]] Block place_at(std::span<const std::uint32_t> input, std::span<const std::uint32_t> output,
                             std::span<const std::uint32_t> begins, std::uint16_t from_operand = 0);
// TRANSPOSE: output dimension i is input dimension permutation[i].
[[nodiscard]] Block transpose(std::span<const std::uint32_t> input,
                              std::span<const std::uint32_t> permutation);
// TILE: dimension i repeated multiples[i] times.
[[nodiscard]] Block tile(std::span<const std::uint32_t> input, std::span<const std::uint32_t> multiples);
// [batches][height][width][block_size * block_size * channels] and [batches][height * block_size][width *
// block_size][channels]; both shapes name the former.
[[nodiscard]] Block depth_to_space(std::span<const std::uint32_t> deep, std::uint32_t block_size);
[[nodiscard]] Block space_to_depth(std::span<const std::uint32_t> deep, std::uint32_t block_size);

// SPACE_TO_BATCH_ND and, read backwards, BATCH_TO_SPACE_ND. space: [batches][spatial...][rest...]; every
// spatial dimension is padded (or the result cropped) by `before` and divided by `block_shape`, giving
// `batched_spatial` positions per batch.
struct SpaceToBatch {
  Shape space;
  std::vector<std::uint32_t> block_shape, before, batched_spatial;
};
[[nodiscard]] std::vector<Block> space_to_batch(const SpaceToBatch& geometry);
[[nodiscard]] std::vector<Block> batch_to_space(const SpaceToBatch& geometry);

// Does what the kernel will do, on the compiler's own bytes:
// for constants. False when a block has too many axes.
[[nodiscard]] bool apply(std::span<const Block> blocks, std::uint32_t element_bytes,
                         std::span<const Bytes> inputs, std::span<std::vector<std::uint8_t>> outputs);

// As the image holds them: RearrangeBlocks, each with its axes, as 32-bit words; for elements of
// `element_bytes`. Nothing when a block has more axes than a kernel's loop.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> encode(std::span<const Block> blocks,
                                                               std::uint32_t element_bytes);

// Of one block whose loops, as encoded, ascend through both tensors: how many bytes further it ever is in the
// output than in the input. Nothing for other blocks.
[[nodiscard]] std::optional<std::int64_t> ascending_lead(std::span<const Block> blocks,
                                                         std::uint32_t element_bytes);

// One block that is a plain copy from the start of operand 0, of `elements`.
[[nodiscard]] bool is_plain_copy(std::span<const Block> blocks, std::uint32_t elements);

}  // namespace sotto::model_compiler
