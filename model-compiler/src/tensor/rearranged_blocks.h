// The operators that only move bytes, as blocks: for the kernel, and for constants that the compiler moves
// itself.
#pragma once

#include "tensor/output_shapes.h"
#include "tensor/rearrangement.h"

namespace sotto::model_compiler {

struct Rearranged {
  std::vector<Block> blocks;             // outputs as output_shapes() gives them
  std::vector<std::size_t> data_inputs;  // of the operator: what the blocks' inputs are
  bool fills = false;                    // the blocks leave gaps, as padding does
};

using BlocksRule = Result<Rearranged> (*)(const Graph& graph, const Operator& op,
                                          const std::vector<Shape>& shapes);

// Whether the operator's row has blocks.
[[nodiscard]] bool is_rearrangement(const Operator& op);

// Requires is_rearrangement(op), and `shapes` from output_shapes().
[[nodiscard]] Result<Rearranged> rearranged(const Graph& graph, const Operator& op,
                                            const std::vector<Shape>& shapes);

// The rules, each for `shapes` from output_shapes(): which bytes go where.
[[nodiscard]] Result<Rearranged> batch_to_space_blocks(const Graph& graph, const Operator& op,
                                                       const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> concatenation_blocks(const Graph& graph, const Operator& op,
                                                      const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> depth_to_space_blocks(const Graph& graph, const Operator& op,
                                                       const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> pack_blocks(const Graph& graph, const Operator& op,
                                             const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> pad_blocks(const Graph& graph, const Operator& op,
                                            const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> slice_blocks(const Graph& graph, const Operator& op,
                                              const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> space_to_batch_blocks(const Graph& graph, const Operator& op,
                                                       const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> space_to_depth_blocks(const Graph& graph, const Operator& op,
                                                       const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> split_blocks(const Graph& graph, const Operator& op,
                                              const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> split_v_blocks(const Graph& graph, const Operator& op,
                                                const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> strided_slice_blocks(const Graph& graph, const Operator& op,
                                                      const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> tile_blocks(const Graph& graph, const Operator& op,
                                             const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> transpose_blocks(const Graph& graph, const Operator& op,
                                                  const std::vector<Shape>& shapes);
[[nodiscard]] Result<Rearranged> unpack_blocks(const Graph& graph, const Operator& op,
                                               const std::vector<Shape>& shapes);

}  // namespace sotto::model_compiler
