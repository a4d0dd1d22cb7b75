// The operators that only move bytes, as blocks:
// for the kernel, and for constants that the compiler moves itself.
#pragma once

#include "tensor/output_shapes.h"
#include "tensor/rearrangement.h"

namespace sotto::model_compiler {

struct Rearranged {
  std::vector<Block> blocks;             // outputs as output_shapes() gives them
  std::vector<std::size_t> data_inputs;  // of the operator: what the blocks' inputs are
  bool fills = false;                    // the blocks leave gaps, as padding does
};

// True for BATCH_TO_SPACE_ND, CONCATENATION, DEPTH_TO_SPACE, PACK, PAD, PADV2, SLICE, SPACE_TO_BATCH_ND,
// SPACE_TO_DEPTH, SPLIT, SPLIT_V, STRIDED_SLICE, TILE, TRANSPOSE, UNPACK.
[[nodiscard]] bool is_rearrangement(std::int32_t code);

// Requires is_rearrangement(op.code), and `shapes` from output_shapes().
[[nodiscard]] Result<Rearranged> rearranged(const Graph& graph, const Operator& op,
                                            const std::vector<Shape>& shapes);

}  // namespace sotto::model_compiler
