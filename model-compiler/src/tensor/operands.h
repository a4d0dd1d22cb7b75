// What shape functions and lowerings ask of an operator's operands. Errors name neither operator
// nor tensor where the caller does.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/base/result.h"
#include "tensor/axes.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

// Input or output i, which must be there.
[[nodiscard]] Result<const Tensor*> input_of(const Graph& graph, const Operator& op, std::size_t i);
[[nodiscard]] Result<const Tensor*> output_of(const Graph& graph, const Operator& op, std::size_t i);

// The shape of input i.
[[nodiscard]] Result<const Shape*> input_shape(const Graph& graph, const Operator& op, std::size_t i = 0);

// The values of input i, an INT32 or INT64 constant.
[[nodiscard]] Result<std::vector<std::int64_t>> constant_integers(const Graph& graph, const Operator& op,
                                                                  std::size_t i);

// A dimension of `shape` by an index that may count from the back.
[[nodiscard]] Result<std::uint32_t> dimension_index(std::int64_t index, const Shape& shape);

}  // namespace sotto::model_compiler
