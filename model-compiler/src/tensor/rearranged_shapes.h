// output_shapes() of the operators that only move bytes.
#pragma once

#include "tensor/output_shapes.h"

namespace sotto::model_compiler {

[[nodiscard]] Shapes transpose_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes concatenation_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes pack_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes unpack_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes split_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes split_v_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes pad_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes tile_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes space_to_batch_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes batch_to_space_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes slice_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes strided_slice_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes depth_to_space_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes space_to_depth_shapes(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
