// From the bytes of a .tflite file to a Graph whose indices, shapes and constants have been checked.
#pragma once

#include "sotto/base/result.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

// Any bytes may be given: what is no sound .tflite file of one static subgraph is refused with
// kInvalidArgument. Promises: every index is in range; inputs of an operator are model inputs, constants or
// outputs of operators before it; no tensor is written twice. `file` must outlive the graph.
[[nodiscard]] Result<Graph> read_tflite(Bytes file);

}  // namespace sotto::model_compiler
