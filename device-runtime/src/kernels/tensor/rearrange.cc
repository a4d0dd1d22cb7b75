// Blocks of bytes from inputs to other places of the output; padding as one of them, over its input.
#include "kernels/copy_bytes.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {
namespace {

const Axis* axes_of(const RearrangeBlock& block) { return reinterpret_cast<const Axis*>(&block + 1); }

const RearrangeBlock& next_block(const RearrangeBlock& block) {
  return *reinterpret_cast<const RearrangeBlock*>(axes_of(block) + block.rank);
}

// Also adds the bytes that the block writes to `written`:
// more than the outputs hold would be a loop without a good end.
bool block_is_sound(const KernelCheck& check, const RearrangeBlock& block, std::uint64_t& written,
                    std::uint64_t limit) {
  if (block.input >= check.input_count || block.output >= check.output_count) return false;
  const Axis* axes = axes_of(block);
  const std::uint64_t count = position_count(axes, block.rank, check.output_bytes(block.output));
  written += count;
  return count != 0 && written <= limit &&
         stays_inside(axes, block.rank, 0, block.input_offset, check.input_bytes(block.input)) &&
         stays_inside(axes, block.rank, 1, block.output_offset, check.output_bytes(block.output));
}

bool check_rearrange(const KernelCheck& check) {
  const auto& p = check.as<RearrangeParameters>();
  if (!check.constant_fits(p.blocks, p.block_bytes)) return false;
  std::uint64_t limit = 0;
  for (std::uint32_t i = 0; i < check.output_count; ++i) limit += check.output_bytes(i);
  std::uint64_t written = 0;
  std::uint32_t offset = 0;
  for (std::uint32_t i = 0; i < p.block_count; ++i) {
    const std::uint32_t left = p.block_bytes - offset;
    if (left < sizeof(RearrangeBlock)) return false;
    const auto& block = *reinterpret_cast<const RearrangeBlock*>(check.image + p.blocks + offset);
    if (block.rank == 0 || block.rank > kLoopRankMax ||
        left - sizeof(RearrangeBlock) < block.rank * sizeof(Axis) ||
        !block_is_sound(check, block, written, limit)) {
      return false;
    }
    offset += static_cast<std::uint32_t>(sizeof(RearrangeBlock) + block.rank * sizeof(Axis));
  }
  return true;
}

void move(const RearrangeBlock& block, const std::int8_t* input, std::int8_t* output) {
  const Axis& innermost = axes_of(block)[block.rank - 1];
  const bool dense = innermost.strides[0] == 1 && innermost.strides[1] == 1;
  StridedLoop loop(axes_of(block), block.rank - 1);
  do {
    const std::int8_t* from = input + loop.offset(0);
    std::int8_t* to = output + loop.offset(1);
    if (dense) {
      copy_bytes(to, from, innermost.count);
      continue;
    }
    for (std::uint32_t i = 0; i < innermost.count; ++i) {
      *to = *from;
      from += innermost.strides[0];
      to += innermost.strides[1];
    }
  } while (loop.next());
}

void run_rearrange(const KernelCall& call) {
  const auto& p = call.as<RearrangeParameters>();
  if (p.fills != 0) fill_bytes(call.output(), p.fill, call.operands[call.input_count].bytes);
  const auto* block = call.constant<RearrangeBlock>(p.blocks);
  for (std::uint32_t i = 0; i < p.block_count; ++i) {
    move(*block, call.input(block->input) + block->input_offset,
         call.output(block->output) + block->output_offset);
    block = &next_block(*block);
  }
}

bool check_pad(const KernelCheck& check) {
  return check.has(1, 1) && check.as<RearrangeParameters>().block_count == 1 && check_rearrange(check);
}

// Ascends through both: no gap is filled before what comes after it has been read, wherever the input lies
// that far behind.
void run_pad(const KernelCall& call) {
  const auto& p = call.as<RearrangeParameters>();
  const auto& block = *call.constant<RearrangeBlock>(p.blocks);
  const Axis& innermost = axes_of(block)[block.rank - 1];
  const bool dense = innermost.strides[0] == 1 && innermost.strides[1] == 1;
  StridedLoop loop(axes_of(block), dense ? block.rank - 1 : block.rank);
  const std::uint32_t count = dense ? innermost.count : 1;
  std::int8_t* filled = call.output();
  std::int8_t* const end = filled + call.operands[call.input_count].bytes;
  const std::int8_t* input = call.input(0) + block.input_offset;
  std::int8_t* output = filled + block.output_offset;
  do {
    std::int8_t* to = output + loop.offset(1);
    if (to > filled) fill_bytes(filled, p.fill, static_cast<std::uint32_t>(to - filled));
    copy_bytes(to, input + loop.offset(0), count);
    filled = to + count;
  } while (loop.next());
  fill_bytes(filled, p.fill, static_cast<std::uint32_t>(end - filled));
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_rearrange = {
    sotto::device::KernelKind::kRearrange, sotto::device::Layout::kPlain,
    sizeof(sotto::device::RearrangeParameters), sotto::device::portable::check_rearrange,
    sotto::device::portable::run_rearrange};

extern "C" constinit const sotto_kernel sotto_portable_pad = {
    sotto::device::KernelKind::kPad, sotto::device::Layout::kPlain,
    sizeof(sotto::device::RearrangeParameters), sotto::device::portable::check_pad,
    sotto::device::portable::run_pad};
