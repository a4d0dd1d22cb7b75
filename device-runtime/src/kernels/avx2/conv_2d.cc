// Convolution, 1x1 and general: blocks of four windows,
// widened once and then multiplied with every output channel.
#include "kernels/avx2/inner_loops.h"
#include "sotto/device_runtime/kernels/avx2/avx2.h"
#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/window_gather.h"

#if defined(__x86_64__)

namespace sotto::device::avx2 {
namespace {

bool scratch_is_sound(const KernelCheck& check) {
  return check.scratch_bytes >= convolution_scratch_bytes(check.as<ConvParameters>()) && is_supported();
}

bool check_convolution(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return convolution_is_sound(check, matrix_weight_bytes(p.output_channels, window_depth(p))) &&
         scratch_is_sound(check);
}

bool check_pointwise(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return pointwise_convolution_is_sound(check, matrix_weight_bytes(p.output_channels, window_depth(p))) &&
         scratch_is_sound(check);
}

// Where windows come from: gathered into `window_`, or pixels of the input as they lie.
class Windows {
 public:
  Windows(const ConvParameters& p, const std::int8_t* input, std::int8_t* window)
      : gather_(p, input), window_(window) {}
  const std::int8_t* next() {
    gather_.next(window_);
    return window_;
  }

 private:
  WindowGather gather_;
  std::int8_t* window_;
};

class Pixels {
 public:
  Pixels(const ConvParameters& p, const std::int8_t* input, std::int8_t*)
      : at_(input), step_(p.input_channels) {
    if (p.descending == 0) return;
    at_ += std::size_t{std::uint32_t{p.batches} * p.input_height * p.input_width - 1} * p.input_channels;
    step_ = -step_;
  }
  const std::int8_t* next() {
    const std::int8_t* pixel = at_;
    at_ += step_;
    return pixel;
  }

 private:
  const std::int8_t* at_;
  std::ptrdiff_t step_;
};

template <typename Source>
void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const std::uint32_t depth = window_depth(p);
  const MatrixProduct product{call.constant<std::int8_t>(p.weights), p.output_channels, (depth + 1) / 2,
                              OutputQuantization(call, p, true)};
  const std::uint32_t length = 2 * product.pairs;
  auto* widened = reinterpret_cast<std::int16_t*>(call.scratch);
  Source source(p, call.input(0),
                reinterpret_cast<std::int8_t*>(widened + std::size_t{kBlockPixels} * length));
  std::uint32_t remaining = std::uint32_t{p.batches} * p.output_height * p.output_width;
  std::int8_t* output = call.output();
  std::ptrdiff_t step = p.output_channels;
  if (p.descending != 0) {
    output += static_cast<std::ptrdiff_t>(remaining - 1) * step;
    step = -step;
  }
  for (; remaining >= kBlockPixels; remaining -= kBlockPixels) {
    std::int8_t* outputs[kBlockPixels];
    for (std::uint32_t i = 0; i < kBlockPixels; ++i, output += step) {
      widen(source.next(), depth, widened + i * length);
      outputs[i] = output;
    }
    multiply_block(product, widened, outputs);
  }
  for (; remaining != 0; --remaining, output += step) {
    widen(source.next(), depth, widened);
    multiply_window(product, widened, output);
  }
}

}  // namespace
}  // namespace sotto::device::avx2

extern "C" constinit const sotto_kernel sotto_avx2_conv_2d = {
    sotto::device::KernelKind::kConv2d, sotto::device::Layout::kAvx2, sizeof(sotto::device::ConvParameters),
    sotto::device::avx2::check_convolution, sotto::device::avx2::run<sotto::device::avx2::Windows>};

extern "C" constinit const sotto_kernel sotto_avx2_pointwise_conv_2d = {
    sotto::device::KernelKind::kPointwiseConv2d, sotto::device::Layout::kAvx2,
    sizeof(sotto::device::ConvParameters), sotto::device::avx2::check_pointwise,
    sotto::device::avx2::run<sotto::device::avx2::Pixels>};

#endif
