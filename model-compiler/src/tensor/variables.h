// What a model remembers from run to run: resource variables (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, and
// CALL_ONCE for their first values) and the variable tensors of SVDF and LSTMs.
#pragma once

#include "sotto/base/result.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

// Makes a state of every variable. CALL_ONCE and VAR_HANDLE go; the constants that CALL_ONCE would assign are
// the states' initial values. What reads a variable reads its state itself, and what makes the value that is
// assigned writes it there, wherever nobody can tell; elsewhere READ_VARIABLE and ASSIGN_VARIABLE stay, as
// copies from and to the state's tensor.
//
// A state's tensor may have many writers. Call it after the passes that rely on one.
[[nodiscard]] Status fold_variables(Graph& graph);

}  // namespace sotto::model_compiler
