// Lowering of operators with variable tensors.
#pragma once

#include "lower/lowering.h"
#include "tensor/output_shapes.h"

namespace sotto::model_compiler {

// [batches][filters / rank]; [batches][steps][units] in the order of the input.
[[nodiscard]] Shapes svdf_shapes(const Graph& graph, const Operator& op);
[[nodiscard]] Shapes lstm_shapes(const Graph& graph, const Operator& op);

Status lower_svdf(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// UNIDIRECTIONAL_SEQUENCE_LSTM: int8 with an int16 cell, no projection, no peepholes, no layer normalisation.
Status lower_lstm(const Operator& op, Lowering& lowering, LoweredOperator& lowered);

}  // namespace sotto::model_compiler
