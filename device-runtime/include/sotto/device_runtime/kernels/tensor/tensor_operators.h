// Parameters of the kernels that have no weights beyond a table: few kernels that serve many operators. The
// compiler turns shapes, axes and masks into loops over strides, and functions of one int8 value into tables,
// so that a board holds neither.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/model_image.h"

namespace sotto::device {

// One loop: `count` steps, each moving two addresses. Axes are listed from the outermost to the innermost.
struct Axis {
  std::uint32_t count;
  std::int32_t strides[2];
};
static_assert(sizeof(Axis) == 12);

// kLookup: out[i] = table[in[i]], the input byte taken as unsigned. LOGISTIC, TANH, HARD_SWISH, the RELU
// family, and QUANTIZE between 8-bit types. In place.
struct LookupParameters {
  std::uint32_t count;
  std::uint32_t table;  // 256 bytes
};
static_assert(sizeof(LookupParameters) == 8);

enum class ElementwiseOperation : std::uint8_t {
  kAdd = 1,       // ADD; SUB with multipliers[1] negative: sum of both inputs * 2^20, each scaled, scaled by
                  // multipliers[2]
  kMultiply = 2,  // MUL: product, scaled by multipliers[2]
  kMaximum = 3,   // MAXIMUM, MINIMUM: raw values
  kMinimum = 4,
  kPrelu = 5,  // PRELU: input 0 scaled by multipliers[0]; when negative, its product with input 1 scaled by
               // multipliers[1]
};

// kElementwise: int8 inputs broadcast over `axes`, whose strides are those of the two inputs in elements (0:
// broadcast); the output is dense.
struct ElementwiseParameters {
  ElementwiseOperation operation;
  std::uint8_t rank;  // 1 to kImageRankMax
  std::int8_t activation_min, activation_max;
  std::int8_t input_zero_points[2], output_zero_point;
  std::int8_t shifts[3];  // input 0, input 1, output; in [-31, 30], kAdd: in [-31, 0]
  std::uint8_t reserved[2];
  std::int32_t multipliers[3];
  Axis axes[kImageRankMax];
};
static_assert(sizeof(ElementwiseParameters) == 96);

// kRearrange: blocks of bytes, each from one input to somewhere else in the output; `fill` where no block
// writes. CONCATENATION, PACK, SLICE, SPLIT, STRIDED_SLICE, TILE, TRANSPOSE, SPACE_TO_BATCH,
// BATCH_TO_SPACE, SPACE_TO_DEPTH, DEPTH_TO_SPACE.
// kPad: one block, through both tensors in ascending order, and `fill` between what it writes. PAD, PADV2.
struct RearrangeParameters {
  std::uint32_t blocks;  // RearrangeBlock, each followed by its axes
  std::uint32_t block_count;
  std::uint32_t block_bytes;  // of all blocks with their axes
  std::int8_t fill;
  std::uint8_t fills;  // 1: the first output is filled beforehand
  std::uint8_t reserved[2];
};
static_assert(sizeof(RearrangeParameters) == 16);

struct RearrangeBlock {
  std::uint16_t input, output;  // indices of operands
  std::uint32_t input_offset, output_offset;
  std::uint32_t rank;  // Axis[rank] follow, 1 to kImageRankMax + 1; strides of input and output in bytes
};
static_assert(sizeof(RearrangeBlock) == 16);

enum class ReduceOperation : std::uint8_t { kSum = 1, kMaximum = 2, kMinimum = 3 };

// Alternating kept and reduced dimensions cannot be more than this each, once neighbours are merged.
inline constexpr std::uint32_t kReduceRankMax = kImageRankMax / 2;

// kReduce: the output's elements in order are those of `kept`; each is the sum, maximum or minimum over
// `reduced`. strides[0] is the input's. kSum: clamp(output_zero_point + (sum + bias) scaled), bias being
// -input_zero_point * the number of elements summed; MEAN has the division in its multiplier.
struct ReduceParameters {
  ReduceOperation operation;
  std::int8_t output_zero_point;
  std::int8_t shift;
  std::uint8_t kept_rank, reduced_rank;  // 0 to kReduceRankMax
  std::uint8_t reserved[3];
  std::int32_t bias;
  std::int32_t multiplier;
  Axis kept[kReduceRankMax];
  Axis reduced[kReduceRankMax];
};
static_assert(sizeof(ReduceParameters) == 88);

// kArgMax: [outer][axis][inner] int8 to [outer][inner] indices of the first largest (or smallest) value.
struct ArgMaxParameters {
  std::uint32_t outer, axis, inner;
  std::uint8_t index_bytes;  // 4 or 8
  std::uint8_t of_minimum;   // 1: ARG_MIN
  std::uint8_t reserved[2];
};
static_assert(sizeof(ArgMaxParameters) == 16);

// kResizeNearest: output pixel (y, x) is input pixel (rows[y], columns[x]). NHWC.
struct ResizeNearestParameters {
  std::uint32_t batches, pixel_bytes;
  std::uint16_t input_height, input_width, output_height, output_width;
  std::uint32_t rows, columns;  // uint16[output_height], uint16[output_width]
};
static_assert(sizeof(ResizeNearestParameters) == 24);

// kQuantize: float32 to 8 bits, round half away from zero. kDequantize: 8 bits to float32.
struct QuantizeParameters {
  std::uint32_t count;
  float scale;
  std::int32_t zero_point;
  std::uint32_t is_unsigned;  // 1: the 8-bit type is uint8
};
static_assert(sizeof(QuantizeParameters) == 16);

// kRequantize: integers of 1, 2 or 4 bytes to others:
// clamp(output_zero_point + (x - input_zero_point) scaled).
struct RequantizeParameters {
  std::uint32_t count;
  std::int32_t multiplier;
  std::int32_t input_zero_point, output_zero_point;
  std::int8_t shift;
  std::uint8_t input_bytes, output_bytes;
  std::uint8_t reserved;
};
static_assert(sizeof(RequantizeParameters) == 20);

}  // namespace sotto::device
