// write_kernel_cases portable|cortex-m-dsp|helium SEED COUNT FILE: random operators for every kernel of a
// target that has weights, as the firmware kernel_cases reads them
// (firmware/src/kernel_cases.cc). COUNT operators a kernel.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "kernel_cases.h"
#include "sotto/device_runtime/crc32.h"
#include "targets/targets.h"

namespace {

using namespace sotto;
using device::KernelCase;

class CaseFile {
 public:
  explicit CaseFile(const char* path) : file_(path, std::ios::binary) {}

  void write(const model_compiler::KernelPlan& plan, const KernelCase& kernel_case) {
    const device::PlacedOperator& placed = kernel_case.placed;
    word(static_cast<std::uint32_t>(plan.kind));
    word(static_cast<std::uint32_t>(plan.layout));
    word(device::crc32(reinterpret_cast<const std::uint8_t*>(kernel_case.expected.data()),
                       kernel_case.expected.size()));
    word(placed.scratch);
    word(placed.scratch_bytes);
    bytes(placed.parameters.data(), placed.parameters.size());
    bytes(placed.operands.data(), placed.operands.size() * sizeof(device::ImageOperand));
    bytes(placed.guards.data(), placed.guards.size() * sizeof(std::uint32_t));
    bytes(placed.image.data(), placed.image.size());
    bytes(placed.arena.data(), placed.arena.size());
  }
  bool is_complete() { return file_.flush().good(); }

 private:
  void word(std::uint32_t value) { file_.write(reinterpret_cast<const char*>(&value), sizeof value); }
  void bytes(const void* data, std::size_t count) {
    word(static_cast<std::uint32_t>(count));
    file_.write(static_cast<const char*>(data), static_cast<std::streamsize>(count));
  }

  std::ofstream file_;
};

std::optional<std::span<const model_compiler::KernelPlan>> plans_of(const std::string& target) {
  if (target == "portable") return model_compiler::portable_kernel_plans();
  if (target == "cortex-m-dsp") return model_compiler::cortex_m_dsp_kernel_plans();
  if (target == "helium") return model_compiler::helium_kernel_plans();
  return std::nullopt;
}

bool has_cases(device::KernelKind kind) {
  return kind != device::KernelKind::kCopy && kind <= device::KernelKind::kMaxPool2d;
}

}  // namespace

int main(int argc, char** argv) {
  const auto plans = argc == 5 ? plans_of(argv[1]) : std::nullopt;
  if (!plans) {
    std::fputs("usage: write_kernel_cases portable|cortex-m-dsp|helium SEED COUNT FILE\n", stderr);
    return 2;
  }
  CaseFile file(argv[4]);
  const auto seed = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
  const auto count = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
  for (const auto& plan : *plans) {
    if (!has_cases(plan.kind)) continue;
    device::for_each_case(plan, seed, count,
                          [&](const KernelCase& kernel_case) { file.write(plan, kernel_case); });
  }
  return file.is_complete() ? 0 : 1;
}
