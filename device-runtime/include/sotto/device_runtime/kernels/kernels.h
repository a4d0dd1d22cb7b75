// The one interface between the runtime's core, the compiler and every set of kernels.
//
// A kernel is a constant `sotto_kernel`: which operator and weight layout it speaks, a check that runs once
// when the image is opened, and the loop itself. Kernel sets (portable/, cortex_m_dsp/, helium/, avx2/)
// define kernels of the same kinds and give the same bits.
//
// Rules for a kernel:
//  * check() has seen every parameter before run() is called: run() trusts them. check() must leave no way
//    for run() to read or write outside its operands, its constants and its scratch, or to divide by zero,
//    whatever the bytes of parameters and constants are. Arithmetic on hostile weights may wrap
//    (unsigned or C++20 shifts), never trap.
//  * Inputs and outputs may overlap as the compiler planned it. Outputs are written in pixel order
//    (row-major; from the last to the first when `descending`), and when any byte of output pixel q is
//    written, every window of a pixel more than `lag_pixels` - 1 before q has been read
//    (compiler/kernel_plan.h). lag 0: a group of pixels is read completely (into registers or scratch) before
//    any of its outputs is written.
//  * Arena pointers are 4-byte aligned, constants 16-byte aligned;
//    channels need not be a multiple of anything.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/model_image.h"
#include "sotto/device_runtime/sotto_device.h"

namespace sotto::device {

// Per output channel: q = clamp(zero_point + round(accumulator * multiplier * 2^(shift - 31))), the .tflite
// kernels' double rounding (requantize.h). bias is folded: bias[c] = b[c] - input_zero_point * sum of the
// channel's weights, so the loop multiplies raw inputs and padding is the value input_zero_point.
struct ChannelRequantization {
  std::uint32_t biases;       // int32[channels]
  std::uint32_t multipliers;  // int32[channels], 0 or in [2^30, 2^31)
  std::uint32_t shifts;       // int8[channels], in [-31, 30]; positive is to the left
};

// kConv2d, kPointwiseConv2d, kDepthwiseConv2d. NHWC. Weights as kPlain:
// [output_channels][kernel_height][kernel_width][input_channels]; depthwise
// [kernel_height][kernel_width][output_channels], output channel = input channel * depth_multiplier + m.
struct ConvParameters {
  std::uint16_t batches;
  std::uint16_t input_height, input_width, input_channels;
  std::uint16_t output_height, output_width, output_channels;
  std::uint16_t kernel_height, kernel_width;
  std::uint16_t stride_height, stride_width;
  std::uint16_t dilation_height, dilation_width;
  std::uint16_t padding_top, padding_left;
  std::uint16_t depth_multiplier;  // 1 unless depthwise
  std::int8_t input_zero_point, output_zero_point;
  std::int8_t activation_min, activation_max;
  std::uint8_t descending;  // 1: write the last output pixel first
  std::uint8_t reserved[3];
  std::uint32_t weights;  // int8, in the operator's layout
  ChannelRequantization requantization;
};
static_assert(sizeof(ConvParameters) == 56);

// kTransposeConv2d: kernel, strides and padding are those of the convolution that leads from the output to
// the input; biases are as in the .tflite file, not folded. kGroupedConv2d: depth_multiplier is the number of
// groups, and the weights are [output_channels][kernel_height][kernel_width][input_channels / groups].

// kFullyConnected: rows x input_depth times [output_depth][input_depth]. Per-tensor quantised weights have
// one multiplier and shift for all outputs (per_channel 0), but always output_depth biases.
struct FullyConnectedParameters {
  std::uint32_t rows, input_depth, output_depth;
  std::int8_t input_zero_point, output_zero_point;
  std::int8_t activation_min, activation_max;
  std::uint8_t per_channel;
  std::uint8_t reserved[3];
  std::uint32_t weights;
  ChannelRequantization requantization;
};
static_assert(sizeof(FullyConnectedParameters) == 36);

// kAdd: element by element over two operands of the same number of elements, in place over either.
struct AddParameters {
  std::uint32_t count;
  std::int32_t left_shift;  // 20
  std::int32_t input_multiplier[2], output_multiplier;
  std::int8_t input_shift[2], output_shift;  // <= 0
  std::int8_t input_zero_point[2], output_zero_point;
  std::int8_t activation_min, activation_max;
};
static_assert(sizeof(AddParameters) == 28);

// kAveragePool2d, kMaxPool2d. Taps outside the input are left out.
struct PoolParameters {
  std::uint16_t batches;
  std::uint16_t input_height, input_width, channels;
  std::uint16_t output_height, output_width;
  std::uint16_t filter_height, filter_width;
  std::uint16_t stride_height, stride_width;
  std::uint16_t padding_top, padding_left;
  std::int8_t activation_min, activation_max;
  std::uint8_t descending;
  std::uint8_t reserved;
};
static_assert(sizeof(PoolParameters) == 28);

// kPaddedAveragePool2d, kPaddedMaxPool2d: taps outside the input count, and are `value`: the average is one
// of the whole filter.
struct PaddedPoolParameters {
  PoolParameters pool;
  std::int8_t value;
  std::uint8_t reserved[3];
};
static_assert(sizeof(PaddedPoolParameters) == 32);

// kCopy: the bytes of the operand.
struct CopyParameters {
  std::uint32_t bytes;
};

// kSoftmax, kSoftmaxToInt16: rows of depth int8 logits; gemmlowp fixed point (Q5.26 differences, Q12.19
// sums).
struct SoftmaxParameters {
  std::uint32_t rows, depth;
  std::int32_t input_multiplier;  // of beta * scale, with input_left_shift
  std::int32_t input_left_shift;  // in [0, 30]
  std::int32_t difference_min;    // below it a term is 0
};
static_assert(sizeof(SoftmaxParameters) == 20);

// What run() is handed. Valid for the call.
struct KernelCall {
  const std::uint8_t* image;
  std::uint8_t* activations;
  const void* parameters;
  const ImageOperand* operands;  // inputs, then outputs
  std::uint32_t input_count;
  std::uint8_t* scratch;
  // Of a fully connected layer: in place of its folded biases, when not null. They were trained.
  const std::int32_t* trained_biases = nullptr;

  template <typename Parameters>
  [[nodiscard]] const Parameters& as() const {
    return *static_cast<const Parameters*>(parameters);
  }
  [[nodiscard]] const std::int8_t* input(std::uint32_t i) const {
    const ImageOperand& operand = operands[i];
    return reinterpret_cast<const std::int8_t*>((operand.place == Place::kArena ? activations : image) +
                                                operand.offset);
  }
  [[nodiscard]] std::int8_t* output(std::uint32_t i = 0) const {
    return reinterpret_cast<std::int8_t*>(activations + operands[input_count + i].offset);
  }
  template <typename T>
  [[nodiscard]] const T* constant(std::uint32_t offset) const {
    return reinterpret_cast<const T*>(image + offset);
  }
  [[nodiscard]] const std::int32_t* biases_of(const FullyConnectedParameters& p) const {
    return trained_biases != nullptr ? trained_biases : constant<std::int32_t>(p.requantization.biases);
  }
};

// What check() is handed: the core has already checked that the parameters, the operands and the scratch lie
// where they may.
struct KernelCheck {
  const std::uint8_t* image;
  std::uint32_t image_bytes;
  const void* parameters;
  const ImageOperand* operands;
  std::uint32_t input_count;
  std::uint32_t output_count;
  std::uint32_t scratch_bytes;

  template <typename Parameters>
  [[nodiscard]] const Parameters& as() const {
    return *static_cast<const Parameters*>(parameters);
  }
  [[nodiscard]] bool has(std::uint32_t inputs, std::uint32_t outputs) const {
    return input_count == inputs && output_count == outputs;
  }
  [[nodiscard]] std::uint32_t input_bytes(std::uint32_t i) const { return operands[i].bytes; }
  [[nodiscard]] std::uint32_t output_bytes(std::uint32_t i = 0) const {
    return operands[input_count + i].bytes;
  }
  // `bytes` constant bytes at `offset` lie in the image, on a constant's alignment.
  [[nodiscard]] bool constant_fits(std::uint32_t offset, std::uint64_t bytes) const {
    return offset % kImageAlignment == 0 && offset <= image_bytes && bytes <= image_bytes - offset;
  }
};

}  // namespace sotto::device

struct sotto_kernel {
  sotto::device::KernelKind kind;
  sotto::device::Layout layout;
  std::uint32_t parameters_bytes;
  bool (*check)(const sotto::device::KernelCheck& check);
  void (*run)(const sotto::device::KernelCall& call);
};

// The portable kernels.
extern "C" {
extern const sotto_kernel sotto_portable_conv_2d;
extern const sotto_kernel sotto_portable_pointwise_conv_2d;
extern const sotto_kernel sotto_portable_depthwise_conv_2d;
extern const sotto_kernel sotto_portable_fully_connected;
extern const sotto_kernel sotto_portable_add;
extern const sotto_kernel sotto_portable_average_pool_2d;
extern const sotto_kernel sotto_portable_max_pool_2d;
extern const sotto_kernel sotto_portable_copy;
extern const sotto_kernel sotto_portable_softmax;
extern const sotto_kernel sotto_portable_lookup;
extern const sotto_kernel sotto_portable_elementwise;
extern const sotto_kernel sotto_portable_rearrange;
extern const sotto_kernel sotto_portable_reduce;
extern const sotto_kernel sotto_portable_arg_max;
extern const sotto_kernel sotto_portable_resize_nearest;
extern const sotto_kernel sotto_portable_quantize;
extern const sotto_kernel sotto_portable_dequantize;
extern const sotto_kernel sotto_portable_requantize;
extern const sotto_kernel sotto_portable_svdf;
extern const sotto_kernel sotto_portable_lstm;
extern const sotto_kernel sotto_portable_softmax_to_int16;
extern const sotto_kernel sotto_portable_padded_average_pool_2d;
extern const sotto_kernel sotto_portable_padded_max_pool_2d;
extern const sotto_kernel sotto_portable_resize_bilinear;
extern const sotto_kernel sotto_portable_transpose_conv_2d;
extern const sotto_kernel sotto_portable_grouped_conv_2d;
extern const sotto_kernel sotto_portable_batch_matmul;
extern const sotto_kernel sotto_portable_gather;
extern const sotto_kernel sotto_portable_l2_normalization;
extern const sotto_kernel sotto_portable_squared_difference;
extern const sotto_kernel sotto_portable_divide;
extern const sotto_kernel sotto_portable_compare;
extern const sotto_kernel sotto_portable_select;
extern const sotto_kernel sotto_portable_states;
extern const sotto_kernel sotto_portable_pad;
}
