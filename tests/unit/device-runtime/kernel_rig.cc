#include "kernel_rig.h"

#include <algorithm>
#include <cstring>

namespace sotto::device {
namespace {

constexpr std::uint32_t kGuardBytes = 16;
constexpr std::uint8_t kGuard = 0xA5;

std::uint32_t align(std::uint64_t offset, std::uint32_t alignment) {
  return static_cast<std::uint32_t>((offset + alignment - 1) / alignment * alignment);
}

// Bytes on a 16-byte boundary, as arena and image are.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::uint32_t count) : storage_(count + 16, kGuard) {
    begin_ = storage_.data() + (16 - reinterpret_cast<std::uintptr_t>(storage_.data()) % 16) % 16;
  }
  std::uint8_t* data() { return begin_; }

 private:
  std::vector<std::uint8_t> storage_;
  std::uint8_t* begin_;
};

bool is_guard(const std::uint8_t* bytes) {
  return std::all_of(bytes, bytes + kGuardBytes, [](std::uint8_t byte) { return byte == kGuard; });
}

}  // namespace

std::uint32_t KernelRig::append(const void* bytes, std::size_t count) {
  const auto offset = static_cast<std::uint32_t>(image_.size());
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  image_.insert(image_.end(), from, from + count);
  image_.resize(align(image_.size(), kImageAlignment));
  return offset;
}

std::optional<std::vector<std::int8_t>> KernelRig::run(const void* parameters,
                                                       std::span<const std::span<const std::int8_t>> inputs,
                                                       std::uint32_t output_bytes,
                                                       std::optional<std::int64_t> input_above_output) {
  // Arena: guard, tensors each behind a guard, scratch between guards.
  std::vector<ImageOperand> operands;
  std::uint32_t at = kGuardBytes;
  const auto place_tensor = [&](std::uint32_t offset, std::uint32_t bytes) {
    operands.push_back({offset, bytes, Place::kArena});
    at = std::max(at, align(std::uint64_t{offset} + bytes, kActivationAlignment) + kGuardBytes);
  };
  std::uint32_t output_offset = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto bytes = static_cast<std::uint32_t>(inputs[i].size());
    if (i == 0 && input_above_output.has_value()) {
      const std::int64_t above = *input_above_output;
      output_offset = align(at + static_cast<std::uint32_t>(std::max<std::int64_t>(-above, 0)), 4);
      place_tensor(static_cast<std::uint32_t>(output_offset + above), bytes);
    } else {
      place_tensor(at, bytes);
    }
  }
  place_tensor(input_above_output.has_value() ? output_offset : at, output_bytes);
  const std::uint32_t scratch_bytes =
      under_test_.plan->scratch_bytes != nullptr ? under_test_.plan->scratch_bytes(parameters) : 0;
  const std::uint32_t scratch = at;
  AlignedBytes arena(align(std::uint64_t{scratch} + scratch_bytes, 4) + kGuardBytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::copy(inputs[i].begin(), inputs[i].end(),
              reinterpret_cast<std::int8_t*>(arena.data()) + operands[i].offset);
  }

  const auto image_bytes = static_cast<std::uint32_t>(image_.size());
  AlignedBytes image(image_bytes);
  std::copy(image_.begin(), image_.end(), image.data());
  const auto input_count = static_cast<std::uint32_t>(inputs.size());
  if (!under_test_.kernel->check(
          {image.data(), image_bytes, parameters, operands.data(), input_count, 1, scratch_bytes})) {
    return std::nullopt;
  }
  under_test_.kernel->run(
      {image.data(), arena.data(), parameters, operands.data(), input_count, arena.data() + scratch});

  bool guarded = is_guard(arena.data()) && is_guard(arena.data() + scratch - kGuardBytes) &&
                 is_guard(arena.data() + scratch + scratch_bytes);
  const std::uint8_t* output = arena.data() + operands.back().offset;
  if (!input_above_output.has_value())
    guarded = guarded && is_guard(output - kGuardBytes) && is_guard(output + output_bytes);
  if (!guarded) return std::nullopt;
  return std::vector<std::int8_t>(output, output + output_bytes);
}

}  // namespace sotto::device
