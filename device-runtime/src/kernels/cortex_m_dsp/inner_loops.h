// The innermost loops, on which the instruction counts rest: written in assembly for processors with the DSP
// extension, where every register is spoken for, and in C++ for others. layout.h has the order of the
// weights.
#pragma once

#include <cstdint>

namespace sotto::device::dsp {

// Adds the dot products of three windows with two rows of weights to sums = {a0, b0, a1, b1, a2, b2}: row a
// with window 0, and so on. `widened` is what widen_block() wrote; quads >= 1. Returns the end of the
// weights.
const std::uint32_t* multiply_windows(const std::uint32_t* weights, const std::uint32_t* widened,
                                      std::uint32_t quads, std::int32_t* sums);

// Three windows times pairs of output channels,
// with SaturatingRequantizer's arithmetic. The members' order is known to the assembly.
struct WindowBlock {
  const std::uint32_t* weights;
  const std::int32_t* biases;
  const std::int32_t* multipliers;
  const std::int8_t* shifts;    // as in the image: to the right, negative
  std::int8_t* outputs[3];      // written from the last to the first, so that equal ones end right
  std::uint32_t channel_pairs;  // >= 1
  const std::uint32_t* widened;
  std::uint32_t quads;
};
void compute_block(WindowBlock& block);  // leaves its members behind the last channel

// Adds the dot products of one input with four rows of weights to sums[4]; `input` on any address, quads
// >= 1. Returns the end of the weights.
const std::uint32_t* multiply_rows(const std::uint32_t* weights, const std::int8_t* input,
                                   std::uint32_t quads, std::int32_t* sums);

// Adds the products of `pairs` >= 1 pairs of taps with their weights in four channels to sums[4]. A tap's
// channels begin at base + offset; two offsets a pair.
struct DepthwiseTaps {
  const std::int8_t* base;
  const std::uint32_t* offsets;
  const std::uint32_t* weights;
  std::uint32_t pairs;
};
void multiply_taps(const DepthwiseTaps& taps, std::int32_t* sums);

// A row of 3x3 depthwise outputs in four channels, with SaturatingRequantizer's arithmetic. The members'
// order is known to the assembly.
struct DepthwiseRow {
  const std::int8_t* top;  // first tap of each kernel row
  const std::int8_t* middle;
  const std::int8_t* bottom;
  std::uint32_t column_bytes;  // from tap to tap
  const std::uint32_t* weights;
  std::uint32_t step_bytes;  // from window to window
  std::int8_t* output;
  std::uint32_t output_step_bytes;
  const std::int8_t* output_end;  // output + pixels * output_step_bytes
  std::int32_t biases[4];
  struct Channel {
    std::int32_t multiplier, shift, offset;
  } channels[4];
};
void compute_depthwise_row(DepthwiseRow& row);  // leaves its pointers anywhere

}  // namespace sotto::device::dsp
