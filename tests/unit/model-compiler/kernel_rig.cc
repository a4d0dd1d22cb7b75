#include "kernel_rig.h"

#include <algorithm>

namespace sotto::device {
namespace {

std::uint32_t align(std::uint64_t offset, std::uint32_t alignment) {
  return static_cast<std::uint32_t>((offset + alignment - 1) / alignment * alignment);
}

// A copy on a 16-byte boundary, as arena and image are.
class AlignedBytes {
 public:
  explicit AlignedBytes(const std::vector<std::uint8_t>& bytes) : storage_(bytes.size() + 16) {
    begin_ = storage_.data() + (16 - reinterpret_cast<std::uintptr_t>(storage_.data()) % 16) % 16;
    std::copy(bytes.begin(), bytes.end(), begin_);
  }
  std::uint8_t* data() { return begin_; }

 private:
  std::vector<std::uint8_t> storage_;
  std::uint8_t* begin_;
};

}  // namespace

std::uint32_t KernelRig::append(const void* bytes, std::size_t count) {
  const auto offset = static_cast<std::uint32_t>(image_.size());
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  image_.insert(image_.end(), from, from + count);
  image_.resize(align(image_.size(), kImageAlignment));
  return offset;
}

PlacedOperator KernelRig::place_tensors(std::vector<std::uint8_t> parameters,
                                        std::span<const std::span<const std::int8_t>> inputs,
                                        std::uint32_t output_bytes,
                                        std::optional<std::int64_t> input_above_output) const {
  PlacedOperator placed;
  placed.image = image_;
  placed.guards = {0};
  std::uint32_t end = kGuardBytes;
  const auto place_at = [&](std::uint32_t offset, std::uint32_t bytes) {
    placed.operands.push_back({offset, bytes, Place::kArena});
    end = std::max(end, align(std::uint64_t{offset} + bytes, kActivationAlignment) + kGuardBytes);
  };
  std::uint32_t output = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto bytes = static_cast<std::uint32_t>(inputs[i].size());
    if (i == 0 && input_above_output) {
      output = align(end + static_cast<std::uint64_t>(std::max<std::int64_t>(-*input_above_output, 0)), 4);
      place_at(static_cast<std::uint32_t>(output + *input_above_output), bytes);
    } else {
      place_at(end, bytes);
    }
  }
  place_at(input_above_output ? output : end, output_bytes);
  placed.scratch_bytes = plan_.scratch_bytes != nullptr ? plan_.scratch_bytes(parameters.data()) : 0;
  placed.scratch = end;
  placed.guards.insert(placed.guards.end(), {end - kGuardBytes, end + placed.scratch_bytes});
  if (!input_above_output) {
    const ImageOperand& apart = placed.operands.back();
    placed.guards.insert(placed.guards.end(), {apart.offset - kGuardBytes, apart.offset + output_bytes});
  }
  placed.arena.assign(align(std::uint64_t{end} + placed.scratch_bytes, 4) + kGuardBytes, kGuard);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::copy(inputs[i].begin(), inputs[i].end(), placed.arena.begin() + placed.operands[i].offset);
  }
  placed.parameters = std::move(parameters);
  return placed;
}

std::optional<std::vector<std::int8_t>> run(const sotto_kernel& kernel, const PlacedOperator& placed) {
  AlignedBytes parameters(placed.parameters);
  AlignedBytes image(placed.image);
  AlignedBytes arena(placed.arena);
  const auto input_count = static_cast<std::uint32_t>(placed.operands.size() - 1);
  if (!kernel.check({image.data(), static_cast<std::uint32_t>(placed.image.size()), parameters.data(),
                     placed.operands.data(), input_count, 1, placed.scratch_bytes})) {
    return std::nullopt;
  }
  kernel.run({image.data(), arena.data(), parameters.data(), placed.operands.data(), input_count,
              arena.data() + placed.scratch});
  for (const std::uint32_t guard : placed.guards) {
    const std::uint8_t* bytes = arena.data() + guard;
    if (!std::all_of(bytes, bytes + kGuardBytes, [](std::uint8_t byte) { return byte == kGuard; }))
      return std::nullopt;
  }
  const std::uint8_t* output = arena.data() + placed.operands.back().offset;
  return std::vector<std::int8_t>(output, output + placed.operands.back().bytes);
}

}  // namespace sotto::device
