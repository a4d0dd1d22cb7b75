// The shapes that operators give their outputs. A .tflite file names them too, but where a dimension was
// left open when the model was converted (the batch, usually) the file holds a placeholder.
#pragma once

#include <vector>

#include "sotto/base/result.h"
#include "tensor/axes.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

using Shapes = Result<std::vector<Shape>>;

// One operator's rule; shape_rules.h and rearranged_shapes.h have them.
using ShapeRule = Shapes (*)(const Graph& graph, const Operator& op);

// One shape per output; every dimension at least 1, at most kImageRankMax of them. Shapes that its inputs or
// options make impossible are refused with kInvalidArgument.
[[nodiscard]] Shapes output_shapes(const Graph& graph, const Operator& op);

}  // namespace sotto::model_compiler
