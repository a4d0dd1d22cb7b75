// Operands that recurrent operators have beside their input: states, and matrices of weights.
#pragma once

#include "lower/lowering.h"

namespace sotto::model_compiler {

// Input `i`: a variable of this type and number of elements, with one scale; int16 ones have zero point 0.
[[nodiscard]] Result<std::uint32_t> state_operand(const Operator& op, const Lowering& lowering,
                                                  std::uint32_t i, TensorType type, std::uint32_t elements);

// Input `i`: constant int8 weights [rows][columns] with one scale.
[[nodiscard]] Result<std::uint32_t> matrix_operand(const Operator& op, const Lowering& lowering,
                                                   std::uint32_t i, std::uint32_t rows,
                                                   std::uint32_t columns);

// Input `i`: as many int32 constants; zeros when it is absent.
[[nodiscard]] Result<std::vector<std::int32_t>> bias_operand(const Operator& op, const Lowering& lowering,
                                                             std::uint32_t i, std::uint32_t count);

}  // namespace sotto::model_compiler
