// What a .tflite file leaves to be worked out while the model runs, worked out once: shapes that depend on
// the batch, and the operators that compute with shapes
// (a Flatten of dynamic batch is SHAPE, STRIDED_SLICE, PACK and RESHAPE).
#pragma once

#include "sotto/base/status.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

// Runs every operator whose inputs are all constants and whose result is integers or moved bytes, and SHAPE;
// takes them out of the graph, their outputs being constants now. Gives outputs whose file shape is a
// placeholder the shape that their operator gives. The batch is 1. kInvalidArgument when a model input leaves
// any other dimension open, by tensor and dimension. What cannot be worked out is left as it is:
// lowering refuses it by operator.
[[nodiscard]] Status fold_shapes(Graph& graph);

}  // namespace sotto::model_compiler
