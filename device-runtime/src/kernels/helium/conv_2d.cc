// Convolution, 1x1 and general: window by window, each copied out of the input,
// over which the output may be written.
#include "kernels/copy_bytes.h"
#include "kernels/helium/matrix.h"
#include "sotto/device_runtime/kernels/helium/helium.h"
#include "sotto/device_runtime/kernels/helium/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/window_gather.h"

#if defined(__ARM_FEATURE_MVE)

namespace sotto::device::helium {
namespace {

bool check_rest(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return requantization_is_filled_up(check, p.requantization, p.output_channels, p.output_channels) &&
         check.scratch_bytes >= convolution_scratch_bytes(p);
}

bool check_convolution(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return convolution_is_sound(check, matrix_weight_bytes(p.output_channels, window_depth(p))) &&
         check_rest(check);
}

bool check_pointwise(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return pointwise_convolution_is_sound(check, matrix_weight_bytes(p.output_channels, window_depth(p))) &&
         check_rest(check);
}

// Pixels of a tensor in the order of writing.
template <typename Byte>
class Pixels {
 public:
  Pixels(const ConvParameters& p, Byte* first, std::uint32_t channels)
      : at_(first), step_(static_cast<std::int32_t>(channels)) {
    if (p.descending == 0) return;
    at_ += (std::uint32_t{p.batches} * p.output_height * p.output_width - 1) * channels;
    step_ = -step_;
  }
  Byte* next() {
    Byte* const pixel = at_;
    at_ += step_;
    return pixel;
  }

 private:
  Byte* at_;
  std::int32_t step_;
};

void run_pointwise(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  auto* pixel = reinterpret_cast<std::int8_t*>(call.scratch);
  Pixels<const std::int8_t> inputs(p, call.input(0), p.input_channels);
  Pixels<std::int8_t> outputs(p, call.output(), p.output_channels);
  for (std::uint32_t i = std::uint32_t{p.batches} * p.output_height * p.output_width; i != 0; --i) {
    copy_bytes(pixel, inputs.next(), p.input_channels);
    multiply_window(call, p, pixel, outputs.next());
  }
}

void run_convolution(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  auto* window = reinterpret_cast<std::int8_t*>(call.scratch);
  WindowGather windows(p, call.input(0));
  Pixels<std::int8_t> outputs(p, call.output(), p.output_channels);
  for (std::uint32_t i = std::uint32_t{p.batches} * p.output_height * p.output_width; i != 0; --i) {
    windows.next(window);
    multiply_window(call, p, window, outputs.next());
  }
}

}  // namespace
}  // namespace sotto::device::helium

extern "C" constinit const sotto_kernel sotto_helium_conv_2d = {
    sotto::device::KernelKind::kConv2d, sotto::device::Layout::kHelium, sizeof(sotto::device::ConvParameters),
    sotto::device::helium::check_convolution, sotto::device::helium::run_convolution};

extern "C" constinit const sotto_kernel sotto_helium_pointwise_conv_2d = {
    sotto::device::KernelKind::kPointwiseConv2d, sotto::device::Layout::kHelium,
    sizeof(sotto::device::ConvParameters), sotto::device::helium::check_pointwise,
    sotto::device::helium::run_pointwise};

#endif
