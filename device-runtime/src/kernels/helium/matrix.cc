#include "kernels/helium/matrix.h"

#if defined(__ARM_FEATURE_MVE)

#include "kernels/helium/requantizer.h"
#include "sotto/device_runtime/kernels/helium/layout.h"

namespace sotto::device::helium {
namespace {

struct Product {
  const std::int8_t* weights;
  const std::int32_t* biases;
  std::uint32_t depth, channels;
};

// Four channels' biases plus their dot products with the window; moves `weights` behind theirs. A
// tail-predicated loop: nothing is read behind the window.
[[gnu::always_inline]] inline int32x4_t multiply_four(const std::int8_t* window, std::uint32_t depth,
                                                      const std::int32_t* biases,
                                                      const std::int8_t*& weights) {
  std::int32_t a = biases[0], b = biases[1], c = biases[2], d = biases[3];
  asm(R"(
      dlstp.8      lr, %[depth]
  1:  vldrb.8      q0, [%[window]], #16
      vldrb.8      q1, [%[weights]], #16
      vmladava.s8  %[a], q0, q1
      vldrb.8      q2, [%[weights]], #16
      vmladava.s8  %[b], q0, q2
      vldrb.8      q1, [%[weights]], #16
      vmladava.s8  %[c], q0, q1
      vldrb.8      q2, [%[weights]], #16
      vmladava.s8  %[d], q0, q2
      letp         lr, 1b
  )"
      : [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d), [window] "+r"(window), [weights] "+r"(weights)
      : [depth] "r"(depth)
      : "lr", "q0", "q1", "q2", "memory");
  int32x4_t sums;
  asm("vmov %q[sums][2], %q[sums][0], %[a], %[c]\n\tvmov %q[sums][3], %q[sums][1], %[b], %[d]"
      : [sums] "=&w"(sums)
      : [a] "r"(a), [b] "r"(b), [c] "r"(c), [d] "r"(d));
  return sums;
}

void multiply(const Product& product, const Requantizer& requantize, const std::int8_t* window,
              std::int8_t* output) {
  const std::int8_t* weights = product.weights;
  std::uint32_t channel = 0;
  for (; channel + kMatrixChannels <= product.channels; channel += kMatrixChannels) {
    const int32x4_t sums = multiply_four(window, product.depth, product.biases + channel, weights);
    vstrbq_s32(output + channel, requantize(sums, requantize.channels(channel)));
  }
  if (channel < product.channels) {
    const int32x4_t sums = multiply_four(window, product.depth, product.biases + channel, weights);
    store_lanes(output + channel, requantize(sums, requantize.channels(channel)), product.channels - channel);
  }
}

}  // namespace

void multiply_window(const KernelCall& call, const ConvParameters& p, const std::int8_t* window,
                     std::int8_t* output) {
  const Product product{call.constant<std::int8_t>(p.weights),
                        call.constant<std::int32_t>(p.requantization.biases), window_depth(p),
                        p.output_channels};
  multiply(product, Requantizer(call, p, true), window, output);
}

void multiply_window(const KernelCall& call, const FullyConnectedParameters& p, const std::int8_t* window,
                     std::int8_t* output) {
  const Product product{call.constant<std::int8_t>(p.weights), call.biases_of(p), p.input_depth,
                        p.output_depth};
  multiply(product, Requantizer(call, p, p.per_channel != 0), window, output);
}

}  // namespace sotto::device::helium

#endif
