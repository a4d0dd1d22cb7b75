// Every portable kernel. A file of its own: who lists kernels himself does not link these.
#include "kernels/kernel_list.h"

namespace {

constexpr auto kAll = sotto::device::kPortableLayers + sotto::device::kCommonKernels;

}  // namespace

extern "C" constinit const sotto_kernel_table sotto_portable_kernels = kAll.table();
