// Parameters of the kernels that remember. Their states are outputs of theirs, too: areas of the arena that
// nothing else writes.
#pragma once

#include <cstdint>

namespace sotto::device {

// kStates: each output is a state, and the input of the same number its first value, of as many bytes or of
// one, which then is every byte of it.
struct StatesParameters {
  std::uint32_t count;
};
static_assert(sizeof(StatesParameters) == 4);

// kSvdf: input [batches][input_depth] to output [batches][filters / rank]. State
// [batches][filters][memory], int8 or int16 as state_bytes says, each row moved by one and its last value
// made anew from the input:
//
//   clamp(state_zero_point + (input - input_zero_point) . feature_weights[filter] scaled by `feature`)
//   output = clamp(output_zero_point + (bias + sum over the unit's `rank` filters of
//            (state - state_zero_point) . time_weights[filter]) scaled by `time`)
//
// Inputs: the input. Outputs: output, state. Constants: feature_weights int8[filters][input_depth],
// time_weights of state_bytes [filters][memory], biases int32[filters / rank].
struct SvdfParameters {
  std::uint32_t batches, input_depth, filters, rank, memory;
  std::uint32_t feature_weights, time_weights, biases;
  std::int32_t feature_multiplier, time_multiplier;
  std::int8_t feature_shift, time_shift;
  std::int8_t input_zero_point, output_zero_point;
  std::int8_t state_zero_point;  // 0 for int16
  std::uint8_t state_bytes;      // 1 or 2
  std::uint8_t reserved[2];
};
static_assert(sizeof(SvdfParameters) == 48);

// One gate: two matrix products to int16, each scaled by itself, then added. Biases are folded, as those of
// fully connected layers are.
struct LstmGate {
  std::uint32_t input_weights, recurrent_weights;  // int8[units][inputs], int8[units][units]
  std::uint32_t input_biases, recurrent_biases;    // int32[units]
  std::int32_t input_multiplier, recurrent_multiplier;
  std::int8_t input_shift, recurrent_shift;
  std::uint8_t reserved[2];
};
static_assert(sizeof(LstmGate) == 28);

enum LstmGateIndex : std::uint32_t { kInputGate, kForgetGate, kCellGate, kOutputGate, kLstmGates };

// kLstm: input int8 [batches][steps][inputs], or [steps][batches][inputs] when time_major, to output
// [...][units]; hidden state int8 [batches][units], cell state int16 [batches][units].
//
//   cell = clip(cell * forget gate scaled by `forget` + input gate * cell gate scaled by `input`)
//   hidden = output = clamp(hidden_zero_point + tanh(cell) * output gate scaled by `hidden`)
//
// Gates are Q3.12, and Q0.15 after their sigmoid; the cell gate has a tanh. Inputs: the input. Outputs:
// output, hidden state, cell state. Scratch: the units of a hidden state.
struct LstmParameters {
  std::uint32_t batches, steps, inputs, units;
  std::uint8_t time_major;
  std::uint8_t reserved;
  std::int8_t hidden_zero_point;
  std::uint8_t tanh_shift;        // of the cell before its tanh: 3 * cell * 2^shift, or
  std::uint8_t tanh_shifts_down;  // 1: 3 * cell * 2^-shift, rounded
  std::int8_t forget_shift, input_shift, hidden_shift;
  std::int32_t forget_multiplier, input_multiplier, hidden_multiplier;
  std::int32_t cell_clip;  // 0: none
  LstmGate gates[kLstmGates];
};
static_assert(sizeof(LstmParameters) == 152);

}  // namespace sotto::device
