// SLICE and STRIDED_SLICE: which elements along each dimension.
#pragma once

#include "tensor/operands.h"
#include "tensor/rearrangement.h"

namespace sotto::model_compiler {

// A range of the input, whose counts are the output's shape once `kept` dimensions are taken: STRIDED_SLICE
// may drop some and add others.
struct Slice {
  Range range;   // one entry per input dimension
  Shape output;  // dimensions as the output has them
};

// Inputs: tensor, begins, sizes (-1: to the end).
[[nodiscard]] Result<Slice> slice_of(const Graph& graph, const Operator& op);
// Inputs: tensor, begins, ends, strides; numpy's rules, with the options' masks.
[[nodiscard]] Result<Slice> strided_slice_of(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
