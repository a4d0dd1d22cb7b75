// Depthwise convolution: eight channels at once, input rows from a ring in the scratch. Products of int16
// lanes widen to int32 by themselves, even and odd channels apart.
#include "sotto/device_runtime/kernels/helium/helium.h"
#include "sotto/device_runtime/kernels/helium/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/row_ring.h"

#if defined(__ARM_FEATURE_MVE)

#include "kernels/helium/requantizer.h"

namespace sotto::device::helium {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return depthwise_convolution_is_sound(check, depthwise_weight_bytes(p)) &&
         check.scratch_bytes >= depthwise_scratch_bytes(p);
}

// Every second of up to eight values, from the even or from the odd one on; 0 behind the `count`-th.
[[nodiscard]] inline int32x4_t every_second(const std::int32_t* values, std::uint32_t first,
                                            std::uint32_t count) {
  return vldrwq_gather_shifted_offset_z_s32(values, vidupq_n_u32(first, 2), vctp32q((count + 1 - first) / 2));
}

[[nodiscard]] inline int32x4_t every_second(const std::int8_t* values, std::uint32_t first,
                                            std::uint32_t count) {
  return vldrbq_gather_offset_z_s32(values, vidupq_n_u32(first, 2), vctp32q((count + 1 - first) / 2));
}

// The taps of a row of windows.
struct Taps {
  const std::int8_t* ring;
  const std::uint32_t* offsets;
  std::uint32_t count;
};

class RowOfOutput {
 public:
  explicit RowOfOutput(const KernelCall& call)
      : p_(call.as<ConvParameters>()),
        requantize_(call, p_, true),
        biases_(call.constant<std::int32_t>(p_.requantization.biases)),
        multipliers_(call.constant<std::int32_t>(p_.requantization.multipliers)),
        shifts_(call.constant<std::int8_t>(p_.requantization.shifts)),
        weights_(call.constant<std::int8_t>(p_.weights)) {}

  void operator()(const Taps& taps, std::int8_t* output) const {
    const std::int8_t* weights = weights_;
    for (std::uint32_t channel = 0; channel < p_.output_channels; channel += kDepthwiseChannels) {
      compute({taps.ring + channel, taps.offsets, taps.count}, weights, channel, output + channel);
      weights += kDepthwiseChannels * taps.count;
    }
  }

 private:
  void compute(const Taps& taps, const std::int8_t* weights, std::uint32_t channel,
               std::int8_t* output) const {
    const std::uint32_t rest = p_.output_channels - channel;
    const Requantizer::Scales even_scales{every_second(multipliers_ + channel, 0, rest),
                                          every_second(shifts_ + channel, 0, rest)};
    const Requantizer::Scales odd_scales{every_second(multipliers_ + channel, 1, rest),
                                         every_second(shifts_ + channel, 1, rest)};
    const int32x4_t even_biases = every_second(biases_ + channel, 0, rest);
    const int32x4_t odd_biases = every_second(biases_ + channel, 1, rest);
    const mve_pred16_t exists = vctp16q(rest);
    const std::uint32_t step = p_.stride_width * row_ring_shape(p_).pixel_bytes;
    const std::int8_t* base = taps.ring;
    for (std::uint32_t x = p_.output_width; x != 0; --x, base += step, output += p_.output_channels) {
      int32x4_t even = even_biases;
      int32x4_t odd = odd_biases;
      const std::int8_t* w = weights;
      for (std::uint32_t tap = 0; tap < taps.count; ++tap, w += kDepthwiseChannels) {
        const int16x8_t values = vldrbq_s16(base + taps.offsets[tap]);
        const int16x8_t factors = vldrbq_s16(w);
        even = vaddq_s32(even, vmullbq_int_s16(values, factors));
        odd = vaddq_s32(odd, vmulltq_int_s16(values, factors));
      }
      int16x8_t both = vdupq_n_s16(0);
      both = vmovnbq_s32(both, requantize_(even, even_scales));
      both = vmovntq_s32(both, requantize_(odd, odd_scales));
      vstrbq_p_s16(output, both, exists);
    }
  }

  const ConvParameters& p_;
  Requantizer requantize_;
  const std::int32_t* biases_;
  const std::int32_t* multipliers_;
  const std::int8_t* shifts_;
  const std::int8_t* weights_;
};

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const RowOfOutput compute_row(call);
  const std::uint32_t taps = std::uint32_t{p.kernel_height} * p.kernel_width;
  auto* offsets = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* ring = reinterpret_cast<std::int8_t*>(offsets + (taps + 1) / 2 * 2);
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  const std::uint32_t row_bytes = std::uint32_t{p.output_width} * p.output_channels;
  const bool descending = p.descending != 0;
  for (std::int32_t i = 0; i < p.batches; ++i) {
    const auto batch = static_cast<std::uint32_t>(descending ? p.batches - 1 - i : i);
    RowRing rows(p, call.input(0) + batch * input_bytes, ring);
    for (std::int32_t j = 0; j < p.output_height; ++j) {
      const std::int32_t y = descending ? p.output_height - 1 - j : j;
      rows.move_to(y);
      rows.find_taps(offsets);
      compute_row({ring, offsets, taps},
                  call.output() + (batch * p.output_height + static_cast<std::uint32_t>(y)) * row_bytes);
    }
  }
}

}  // namespace
}  // namespace sotto::device::helium

extern "C" constinit const sotto_kernel sotto_helium_depthwise_conv_2d = {
    sotto::device::KernelKind::kDepthwiseConv2d, sotto::device::Layout::kHelium,
    sizeof(sotto::device::ConvParameters), sotto::device::helium::check, sotto::device::helium::run};

#endif
