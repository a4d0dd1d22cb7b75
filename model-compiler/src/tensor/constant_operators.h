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

using ConstantValues = std::optional<std::vector<ConstantTensor>>;
using EvaluateRule = ConstantValues (*)(const Graph& graph, const Operator& op);

// Nothing when the operator, or one of its inputs, is of no kind that can be computed here.
[[nodiscard]] ConstantValues evaluate(const Graph& graph, const Operator& op);

// The rules, for operators whose first input and output are there.
[[nodiscard]] ConstantValues evaluate_shape(const Graph& graph, const Operator& op);
[[nodiscard]] ConstantValues evaluate_cast(const Graph& graph, const Operator& op);
[[nodiscard]] ConstantValues evaluate_product(const Graph& graph, const Operator& op);
[[nodiscard]] ConstantValues evaluate_gather(const Graph& graph, const Operator& op);
// ADD, SUB, MUL, MAXIMUM, MINIMUM.
[[nodiscard]] ConstantValues evaluate_arithmetic(const Graph& graph, const Operator& op);
// What only moves bytes, and what leaves them where they are.
[[nodiscard]] ConstantValues evaluate_rearrangement(const Graph& graph, const Operator& op);
[[nodiscard]] ConstantValues evaluate_unchanged(const Graph& graph, const Operator& op);
// DENSIFY of what the reader has made dense, of any size.
[[nodiscard]] ConstantValues evaluate_densify(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
