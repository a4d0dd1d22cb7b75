// Parameters of kernels for operators that few models have: one operator each.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device {

// kResizeBilinear: NHWC int8. Output pixel (y, x) lies between rows[y].low and rows[y].high, weight / 1024 of
// the way, and likewise between columns.
struct BilinearTap {
  std::uint16_t low, high;
  std::uint32_t weight;  // 0 to 1024
};
static_assert(sizeof(BilinearTap) == 8);
inline constexpr std::uint32_t kBilinearOne = 1024;

struct ResizeBilinearParameters {
  std::uint32_t batches, channels;
  std::uint16_t input_height, input_width, output_height, output_width;
  std::uint32_t rows, columns;  // BilinearTap[output_height], BilinearTap[output_width]
};
static_assert(sizeof(ResizeBilinearParameters) == 24);

// kBatchMatmul: for each position of `batches`, the products of the rows of one int8 matrix with the columns
// of another: clamp(output_zero_point + sum of (a - a_zero_point)(b - b_zero_point) scaled). The output is
// dense, [...][rows][columns].
inline constexpr std::uint32_t kBatchRankMax = kImageRankMax - 2;
struct BatchMatmulParameters {
  std::uint32_t rows, columns, depth;
  std::int32_t row_stride, column_stride;  // of a from row to row, of b from column to column
  std::int32_t depth_strides[2];           // of both along the sum
  std::int32_t multiplier;
  std::int8_t shift;
  std::int8_t zero_points[2], output_zero_point;
  std::uint8_t batch_rank;  // 0 to kBatchRankMax
  std::uint8_t reserved[3];
  Axis batches[kBatchRankMax];
};
static_assert(sizeof(BatchMatmulParameters) == 88);

// kGather: input 0 [batches][outer][addressed][bytes], input 1 int32 indices [batches][count][depth], output
// [batches][outer][count][bytes]. An index tuple addresses the sum of each index times its step of bytes;
// where an index is beyond its limit the output is 0.
struct GatherParameters {
  std::uint32_t batches, outer, count, bytes;
  std::uint32_t addressed_bytes;  // of what the indices choose from
  std::uint32_t depth;            // 1 to kImageRankMax
  std::uint32_t limits[kImageRankMax], steps[kImageRankMax];
};
static_assert(sizeof(GatherParameters) == 72);

// kL2Normalization: rows of int8, each divided by the root of the sum of its squares, to scale 1/128.
struct L2NormalizationParameters {
  std::uint32_t rows, depth;
  std::int32_t zero_point;
};
static_assert(sizeof(L2NormalizationParameters) == 12);

// kSquaredDifference, kDivide: as kElementwise, whose `operation` is not read. Multipliers of a squared
// difference are those of the inputs times 2^7 (shifts in [-31, 0]) and of the output; a division has the
// output's alone (shift in [-31, 20]).

enum class Comparison : std::uint8_t {
  kEqual = 0,
  kNotEqual = 1,
  kGreater = 2,
  kGreaterEqual = 3,
  kLess = 4,
  kLessEqual = 5
};

// kCompare: 1 or 0 for each pair of int8 values over axes, each without its zero point times 2^8 and scaled.
struct CompareParameters {
  Comparison comparison;
  std::uint8_t rank;      // 1 to kImageRankMax
  std::int8_t shifts[2];  // in [-31, 0]
  std::int8_t zero_points[2];
  std::uint8_t reserved[2];
  std::int32_t multipliers[2];
  Axis axes[kImageRankMax];
};
static_assert(sizeof(CompareParameters) == 88);

// kSelect: bytes that choose, then two tensors of elements; strides in elements, those of the axes for the
// first and the second input.
struct SelectParameters {
  std::uint8_t rank;  // 1 to kImageRankMax
  std::uint8_t element_bytes;
  std::uint8_t reserved[2];
  Axis axes[kImageRankMax];
  std::int32_t other_strides[kImageRankMax];
};
static_assert(sizeof(SelectParameters) == 100);

}  // namespace sotto::device
