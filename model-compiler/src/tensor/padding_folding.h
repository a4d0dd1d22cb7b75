// PAD in front of what slides a window: the window's own padding can do its work.
#pragma once

#include "tflite/graph.h"

namespace sotto::model_compiler {

// Takes away each PAD or PADV2 of rows and columns by the zero point whose only reader is a CONV_2D, a
// DEPTHWISE_CONV_2D or a pool without padding of its own, and whose windows all touch its input; the reader's
// `padding` says by how much. Call it when shapes are known, and while each tensor has one writer.
void fold_padding(Graph& graph);

}  // namespace sotto::model_compiler
