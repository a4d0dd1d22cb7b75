// Scales and zero points of a tensor, by themselves.
#pragma once

#include "sotto/base/result.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

// Refuses scales that are no finite numbers from 0 on, zero points that are no values of the tensor's type,
// as many of one as not of the other, and several of them that are not one for each index of their dimension.
[[nodiscard]] Status check_quantization(const Tensor& tensor);

}  // namespace sotto::model_compiler
