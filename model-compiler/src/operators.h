// The operators that the compiler knows, one row each. Whoever adds one writes its row, its lowering and its
// test.
#pragma once

#include <array>

#include "lower/lowering.h"
#include "tensor/constant_operators.h"
#include "tensor/output_shapes.h"
#include "tensor/rearranged_blocks.h"

namespace sotto::model_compiler {

// How many operands an operator may have.
struct OperandCounts {
  std::size_t min, max;

  [[nodiscard]] bool hold(std::size_t count) const { return min <= count && count <= max; }
};

// What an operator may become; KernelKind{} where there are fewer.
using KernelKinds = std::array<device::KernelKind, 3>;

struct OperatorRow {
  std::int32_t code;         // BuiltinOperator
  std::int32_t version_max;  // to be lowered; newer ones may mean something else
  OperandCounts inputs, outputs;
  ShapeRule shapes;       // null: not known beforehand
  LowerFunction lower;    // null: the compiler computes it, or refuses
  KernelKinds kernels;    // what `lower` chooses from
  BlocksRule blocks;      // of operators that only move bytes
  EvaluateRule evaluate;  // what constants give; null: nothing is computed beforehand
};

// Null for an operator that is not supported.
[[nodiscard]] const OperatorRow* find_operator(std::int32_t code);

// Refuses another number of operands than the row's.
[[nodiscard]] Status check_operands(const OperatorRow& row, const Operator& op);

}  // namespace sotto::model_compiler
