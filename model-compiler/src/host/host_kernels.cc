// Of kernels that only exist for boards there are host forms with equal bits, so an image compiled for a
// board runs here as it will there.
#include <vector>

#include "sotto/model_compiler/host_model.h"

namespace sotto::device {
namespace {

void append(std::vector<const sotto_kernel*>& kernels, const sotto_kernel_table& table) {
  kernels.insert(kernels.end(), table.kernels, table.kernels + table.count);
}

std::vector<const sotto_kernel*> runnable_kernels() {
  std::vector<const sotto_kernel*> kernels;
  append(kernels, sotto_avx2_kernels);
  append(kernels, sotto_portable_kernels);
  append(kernels, sotto_cortex_m_dsp_kernels);
  return kernels;
}

}  // namespace

const sotto_kernel_table& host_kernels() {
  static const std::vector<const sotto_kernel*> kKernels = runnable_kernels();
  static const sotto_kernel_table kTable = {kKernels.data(), static_cast<std::uint32_t>(kKernels.size())};
  return kTable;
}

}  // namespace sotto::device
