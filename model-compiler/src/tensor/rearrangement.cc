#include "tensor/rearrangement.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::model_compiler {
namespace {

// Outer axes first by the distance they move the output, so that it is written in order.
std::vector<device::Axis> ordered(std::vector<device::Axis> axes) {
  std::stable_sort(axes.begin(), axes.end(), [](const device::Axis& a, const device::Axis& b) {
    return std::abs(a.strides[1]) > std::abs(b.strides[1]);
  });
  return axes;
}

Block reversed(Block block) {
  std::swap(block.input, block.output);
  std::swap(block.input_offset, block.output_offset);
  for (device::Axis& axis : block.axes) std::swap(axis.strides[0], axis.strides[1]);
  return block;
}

// Positions i of [0, count) for which i * step + phase - before lies in [0, size).
struct Positions {
  std::uint32_t first, count;
};

Positions inside(std::uint32_t count, std::uint32_t step, std::uint32_t phase, std::uint32_t before,
                 std::uint32_t size) {
  const std::uint32_t first = phase >= before ? 0 : (before - phase + step - 1) / step;
  const std::uint64_t limit = std::uint64_t{size} + before;  // i * step + phase < limit
  const std::uint64_t end =
      limit > phase ? std::min<std::uint64_t>(count, (limit - phase + step - 1) / step) : 0;
  return {first, end > first ? static_cast<std::uint32_t>(end - first) : 0};
}

// The block of one phase: which element of each block_shape-sized cell. Nothing where all of it is padding.
std::optional<Block> phase_block(const SpaceToBatch& g, std::uint32_t index,
                                 std::span<const std::uint32_t> phases) {
  const std::size_t spatial = g.block_shape.size();
  Shape batched = g.space;
  std::copy(g.batched_spatial.begin(), g.batched_spatial.end(), batched.begin() + 1);
  const std::vector<std::int32_t> space_strides = dense_strides(g.space);
  const std::vector<std::int32_t> batched_strides = dense_strides(batched);
  Block block;
  block.output_offset = std::int64_t{index} * g.space[0] * batched_strides[0];
  for (std::size_t i = 0; i < g.space.size(); ++i) {
    if (i == 0 || i > spatial) {
      block.axes.push_back({g.space[i], {space_strides[i], batched_strides[i]}});
      continue;
    }
    const std::uint32_t step = g.block_shape[i - 1];
    const Positions positions =
        inside(g.batched_spatial[i - 1], step, phases[i - 1], g.before[i - 1], g.space[i]);
    if (positions.count == 0) return std::nullopt;
    const std::int64_t at = std::int64_t{positions.first} * step + phases[i - 1] - g.before[i - 1];
    block.input_offset += at * space_strides[i];
    block.output_offset += std::int64_t{positions.first} * batched_strides[i];
    block.axes.push_back(
        {positions.count, {space_strides[i] * static_cast<std::int32_t>(step), batched_strides[i]}});
  }
  return block;
}

// The axes of [batches][height][width][block][block][channels] in deep order,
// and where each leads in the wide tensor.
Block deep_to_wide(std::span<const std::uint32_t> deep, std::uint32_t block_size) {
  const auto block = static_cast<std::int32_t>(block_size);
  const std::uint32_t channels = deep[3] / (block_size * block_size);
  const auto pixel = static_cast<std::int32_t>(channels);
  const std::int32_t wide_row = static_cast<std::int32_t>(deep[2]) * block * pixel;
  const std::vector<std::int32_t> strides = dense_strides(deep);
  return {0,
          0,
          0,
          0,
          {{deep[0], {strides[0], strides[0]}},
           {deep[1], {strides[1], wide_row * block}},
           {deep[2], {strides[2], block * pixel}},
           {block_size, {block * pixel, wide_row}},
           {block_size, {pixel, pixel}},
           {channels, {1, 1}}}};
}

}  // namespace

Block gather_range(std::span<const std::uint32_t> input, const Range& range, std::uint16_t to_operand) {
  const std::vector<std::int32_t> from = dense_strides(input);
  const std::vector<std::int32_t> to = dense_strides(range.counts);
  Block block;
  block.output = to_operand;
  for (std::size_t i = 0; i < input.size(); ++i) {
    block.input_offset += std::int64_t{range.begins[i]} * from[i];
    block.axes.push_back({range.counts[i], {range.steps[i] * from[i], to[i]}});
  }
  return block;
}

Block place_at(std::span<const std::uint32_t> input, std::span<const std::uint32_t> output,
               std::span<const std::uint32_t> begins, std::uint16_t from_operand) {
  const std::vector<std::int32_t> from = dense_strides(input);
  const std::vector<std::int32_t> to = dense_strides(output);
  Block block;
  block.input = from_operand;
  for (std::size_t i = 0; i < input.size(); ++i) {
    block.output_offset += std::int64_t{begins[i]} * to[i];
    block.axes.push_back({input[i], {from[i], to[i]}});
  }
  return block;
}

Block transpose(std::span<const std::uint32_t> input, std::span<const std::uint32_t> permutation) {
  const std::vector<std::int32_t> from = dense_strides(input);
  Shape output;
  for (const std::uint32_t i : permutation) output.push_back(input[i]);
  const std::vector<std::int32_t> to = dense_strides(output);
  Block block;
  for (std::size_t i = 0; i < output.size(); ++i)
    block.axes.push_back({output[i], {from[permutation[i]], to[i]}});
  return block;
}

Block tile(std::span<const std::uint32_t> input, std::span<const std::uint32_t> multiples) {
  const std::vector<std::int32_t> from = dense_strides(input);
  Shape output;
  for (std::size_t i = 0; i < input.size(); ++i) output.push_back(input[i] * multiples[i]);
  const std::vector<std::int32_t> to = dense_strides(output);
  Block block;
  for (std::size_t i = 0; i < input.size(); ++i) {
    block.axes.push_back({multiples[i], {0, to[i] * static_cast<std::int32_t>(input[i])}});
    block.axes.push_back({input[i], {from[i], to[i]}});
  }
  return block;
}

Block depth_to_space(std::span<const std::uint32_t> deep, std::uint32_t block_size) {
  return deep_to_wide(deep, block_size);
}

Block space_to_depth(std::span<const std::uint32_t> deep, std::uint32_t block_size) {
  return reversed(deep_to_wide(deep, block_size));
}

std::vector<Block> space_to_batch(const SpaceToBatch& geometry) {
  std::vector<Block> blocks;
  std::vector<std::uint32_t> phases(geometry.block_shape.size());
  for (std::uint32_t index = 0; index < element_count(geometry.block_shape); ++index) {
    std::uint32_t rest = index;
    for (std::size_t i = phases.size(); i-- != 0; rest /= geometry.block_shape[i])
      phases[i] = rest % geometry.block_shape[i];
    if (auto block = phase_block(geometry, index, phases)) blocks.push_back(std::move(*block));
  }
  return blocks;
}

std::vector<Block> batch_to_space(const SpaceToBatch& geometry) {
  std::vector<Block> blocks = space_to_batch(geometry);
  for (Block& block : blocks) block = reversed(std::move(block));
  return blocks;
}

bool apply(std::span<const Block> blocks, std::uint32_t element_bytes, std::span<const Bytes> inputs,
           std::span<std::vector<std::uint8_t>> outputs) {
  for (const Block& block : blocks) {
    const std::vector<device::Axis> axes = merged(block.axes);
    if (axes.size() > device::kLoopRankMax) return false;
    device::StridedLoop loop(axes.data(), static_cast<std::uint32_t>(axes.size()));
    do {
      const auto from = static_cast<std::size_t>(block.input_offset + loop.offset(0)) * element_bytes;
      const auto to = static_cast<std::size_t>(block.output_offset + loop.offset(1)) * element_bytes;
      std::memcpy(outputs[block.output].data() + to, inputs[block.input].data() + from, element_bytes);
    } while (loop.next());
  }
  return true;
}

namespace {

std::vector<device::Axis> byte_axes(const Block& block, std::uint32_t element_bytes) {
  const auto scale = static_cast<std::int32_t>(element_bytes);
  std::vector<device::Axis> axes = block.axes;
  for (device::Axis& axis : axes) axis = {axis.count, {axis.strides[0] * scale, axis.strides[1] * scale}};
  axes.push_back({element_bytes, {1, 1}});
  axes = merged(ordered(merged(axes)));
  if (axes.empty()) axes.push_back({1, {1, 1}});
  return axes;
}

}  // namespace

std::optional<std::vector<std::uint32_t>> encode(std::span<const Block> blocks, std::uint32_t element_bytes) {
  std::vector<std::uint32_t> words;
  const auto scale = static_cast<std::int32_t>(element_bytes);
  for (const Block& block : blocks) {
    const std::vector<device::Axis> axes = byte_axes(block, element_bytes);
    if (axes.size() > device::kLoopRankMax) return std::nullopt;
    words.insert(words.end(), {block.input | std::uint32_t{block.output} << 16,
                               static_cast<std::uint32_t>(block.input_offset * scale),
                               static_cast<std::uint32_t>(block.output_offset * scale),
                               static_cast<std::uint32_t>(axes.size())});
    for (const device::Axis& axis : axes) {
      words.insert(words.end(), {axis.count, static_cast<std::uint32_t>(axis.strides[0]),
                                 static_cast<std::uint32_t>(axis.strides[1])});
    }
  }
  return words;
}

std::optional<std::int64_t> ascending_lead(std::span<const Block> blocks, std::uint32_t element_bytes) {
  if (blocks.size() != 1 || blocks[0].input != 0 || blocks[0].output != 0) return std::nullopt;
  const std::vector<device::Axis> axes = byte_axes(blocks[0], element_bytes);
  std::int64_t lead = (blocks[0].output_offset - blocks[0].input_offset) * element_bytes;
  std::int64_t spans[2] = {1, 1};  // of the axes within
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    for (int i = 0; i < 2; ++i) {
      if (axis->strides[i] < spans[i]) return std::nullopt;
      spans[i] += std::int64_t{axis->count - 1} * axis->strides[i];
    }
    const std::int64_t drift = std::int64_t{axis->strides[1]} - axis->strides[0];
    lead += std::max<std::int64_t>(drift, 0) * (axis->count - 1);
  }
  return lead;
}

bool is_plain_copy(std::span<const Block> blocks, std::uint32_t elements) {
  if (blocks.size() != 1 || blocks[0].input_offset != 0 || blocks[0].output_offset != 0) return false;
  const std::vector<device::Axis> axes = merged(blocks[0].axes);
  if (axes.empty()) return elements == 1;
  return axes.size() == 1 && axes[0].count == elements && axes[0].strides[0] == 1 && axes[0].strides[1] == 1;
}

}  // namespace sotto::model_compiler
