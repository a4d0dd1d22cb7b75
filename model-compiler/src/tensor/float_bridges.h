// Activations that the converter leaves in float32 between a DEQUANTIZE and a QUANTIZE,
// because it has no int8 form of them (ELU).
#pragma once

#include "tflite/graph.h"

namespace sotto::model_compiler {

// Where nothing else reads what is in between, the three operators become the middle one, from 8 bits to 8
// bits, with `through_float` set.
void fold_float_bridges(Graph& graph);

}  // namespace sotto::model_compiler
