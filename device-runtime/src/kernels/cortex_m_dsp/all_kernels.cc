// Every kernel of this set, and the portable ones for what it lacks. A file of its own: who lists kernels
// himself does not link these.
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"

#include "kernels/kernel_list.h"

namespace {

constexpr auto kAll =
    sotto::device::KernelList{&sotto_cortex_m_dsp_conv_2d, &sotto_cortex_m_dsp_pointwise_conv_2d,
                              &sotto_cortex_m_dsp_depthwise_conv_2d, &sotto_cortex_m_dsp_fully_connected,
                              &sotto_cortex_m_dsp_add} +
    sotto::device::kCommonKernels;

}  // namespace

extern "C" constinit const sotto_kernel_table sotto_cortex_m_dsp_kernels = kAll.table();
