// What a file is that somebody takes for a .tflite.
#pragma once

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::model_compiler {

// Refuses what is no .tflite file, by the name of what it is where that can be told: nothing at all, a
// pointer of Git LFS, a model of ONNX, Keras or TensorFlow, a compiled image.
[[nodiscard]] Status check_file_kind(Bytes file);

}  // namespace sotto::model_compiler
