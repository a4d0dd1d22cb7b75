// Which shapes an operator's outputs have, one function for each rule; the moves' are in
// rearranged_shapes.h, and operators.cc says whose rule is whose.
#pragma once

#include "tensor/output_shapes.h"

namespace sotto::model_compiler {

// The first input's.
[[nodiscard]] Shapes unchanged_shapes(const Graph& graph, const Operator& op);
// Of both inputs, broadcast against each other.
[[nodiscard]] Shapes broadcast_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes conv_2d_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes depthwise_conv_2d_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes pool_2d_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes fully_connected_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes reshape_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes expand_dims_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes squeeze_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes reduced_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes arg_max_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes resized_shapes(const Graph& graph, const Operator& op);

[[nodiscard]] Shapes batch_matmul_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes select_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes gather_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes transpose_conv_shapes(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
