// Firmware that runs single operators from a file of the host,
// tests/unit/model-compiler/write_kernel_cases.cc, and compares what they leave in the arena.
//
//   kernel_cases cases=FILE
//
// A case is kind, layout, CRC-32 of the output, scratch and its bytes as 32-bit words; then, each behind its
// number of bytes: parameters, operands, guards (offsets of 16 bytes of 0xa5 in the arena that must stay),
// image, arena. It prints
//   cases N different D
// and before it, for each that differs, `case N kind K because ...`.
#include <algorithm>
#include <cstdint>
#include <span>

#include "arguments.h"
#include "board.h"
#include "console.h"
#include "kernels.h"
#include "semihosting.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/kernels/kernels.h"

namespace {

using namespace sotto;

constexpr std::uint32_t kGuardBytes = 16;
constexpr std::uint8_t kGuard = 0xa5;
constexpr int kFailure = 1;

struct CaseHeader {
  std::uint32_t kind, layout, output_crc32, scratch, scratch_bytes;
};

// Takes RAM from the front, on 16-byte boundaries.
class Ram {
 public:
  explicit Ram(std::span<std::uint8_t> memory) : memory_(memory) {}
  std::span<std::uint8_t> take(std::uint32_t bytes) {
    const std::size_t rounded = (std::size_t{bytes} + 15) / 16 * 16;
    if (rounded > memory_.size()) return {};
    const auto taken = memory_.first(bytes);
    memory_ = memory_.subspan(rounded);
    return taken;
  }

 private:
  std::span<std::uint8_t> memory_;
};

struct Case {
  CaseHeader header;
  std::span<std::uint8_t> parameters, operands, guards, image, arena;
};

class CaseReader {
 public:
  explicit CaseReader(const char* path) : file_(path, semihosting::Mode::kRead) {}
  // False at the end of the file, or when a case does not fit the board.
  bool next(Case& kernel_case) {
    Ram ram(board::arena());
    return read(kernel_case.header) && read_bytes(ram, kernel_case.parameters) &&
           read_bytes(ram, kernel_case.operands) && read_bytes(ram, kernel_case.guards) &&
           read_bytes(ram, kernel_case.image) && read_bytes(ram, kernel_case.arena);
  }

 private:
  template <typename T>
  bool read(T& value) {
    return file_.read({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  }
  bool read_bytes(Ram& ram, std::span<std::uint8_t>& to) {
    std::uint32_t count = 0;
    if (!read(count)) return false;
    to = ram.take(count);
    return to.size() == count && file_.read(to);
  }

  semihosting::File file_;
};

const sotto_kernel* find_kernel(const CaseHeader& header) {
  for (std::uint32_t i = 0; i < board::kKernels.count; ++i) {
    const sotto_kernel* kernel = board::kKernels.kernels[i];
    if (static_cast<std::uint32_t>(kernel->kind) == header.kind &&
        static_cast<std::uint32_t>(kernel->layout) == header.layout) {
      return kernel;
    }
  }
  return nullptr;
}

bool guards_stand(const Case& kernel_case) {
  const auto* offsets = reinterpret_cast<const std::uint32_t*>(kernel_case.guards.data());
  for (std::size_t i = 0; i < kernel_case.guards.size() / sizeof *offsets; ++i) {
    const auto guard = kernel_case.arena.subspan(offsets[i], kGuardBytes);
    if (!std::all_of(guard.begin(), guard.end(), [](std::uint8_t byte) { return byte == kGuard; }))
      return false;
  }
  return true;
}

// What is wrong; nullptr when nothing is.
const char* run(const Case& kernel_case) {
  const sotto_kernel* const kernel = find_kernel(kernel_case.header);
  if (kernel == nullptr) return "the kernel is absent";
  const auto* operands = reinterpret_cast<const device::ImageOperand*>(kernel_case.operands.data());
  const auto inputs = static_cast<std::uint32_t>(kernel_case.operands.size() / sizeof *operands - 1);
  const CaseHeader& header = kernel_case.header;
  if (!kernel->check({kernel_case.image.data(), static_cast<std::uint32_t>(kernel_case.image.size()),
                      kernel_case.parameters.data(), operands, inputs, 1, header.scratch_bytes})) {
    return "it is refused";
  }
  std::uint8_t* const arena = kernel_case.arena.data();
  kernel->run({kernel_case.image.data(), arena, kernel_case.parameters.data(), operands, inputs,
               arena + header.scratch});
  if (!guards_stand(kernel_case)) return "it writes outside";
  const bool equal =
      device::crc32(arena + operands[inputs].offset, operands[inputs].bytes) == header.output_crc32;
  return equal ? nullptr : "the output differs";
}

}  // namespace

int main() {
  const board::Arguments arguments;
  CaseReader reader(arguments.text("cases"));
  std::uint32_t count = 0;
  std::uint32_t different = 0;
  for (Case kernel_case; reader.next(kernel_case); ++count) {
    if (const char* problem = run(kernel_case)) {
      console::line("case ", count, " kind ", kernel_case.header.kind, " because ", problem);
      ++different;
    }
  }
  console::line("cases ", count, " different ", different);
  return count != 0 && different == 0 ? 0 : kFailure;
}
