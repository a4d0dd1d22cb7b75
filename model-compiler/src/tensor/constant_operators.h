// Operators on constants, computed by the compiler.
#pragma once

#include <optional>

#include "tensor/output_shapes.h"

namespace sotto::model_compiler {

// One output's value.
struct ConstantTensor {
  Shape shape;
  std::vector<std::uint8_t> bytes;
};

// Nothing when the operator, or one of its inputs, is of no kind that can be computed here.
[[nodiscard]] std::optional<std::vector<ConstantTensor>> evaluate(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
