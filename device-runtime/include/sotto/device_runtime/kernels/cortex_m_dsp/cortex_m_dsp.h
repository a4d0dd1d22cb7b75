// The kernels for Cortex-M with DSP instructions.
#pragma once

#include "sotto/device_runtime/kernels/kernels.h"

extern "C" {
extern const sotto_kernel sotto_cortex_m_dsp_conv_2d;
extern const sotto_kernel sotto_cortex_m_dsp_pointwise_conv_2d;
extern const sotto_kernel sotto_cortex_m_dsp_depthwise_conv_2d;
extern const sotto_kernel sotto_cortex_m_dsp_fully_connected;
extern const sotto_kernel sotto_cortex_m_dsp_add;
}
