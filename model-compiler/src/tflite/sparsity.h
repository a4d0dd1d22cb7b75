// Constants that a file keeps sparse, made dense.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/base/result.h"
#include "tflite/flat_buffer.h"

namespace sotto::model_compiler {

// The dense values of a tensor of `shape`, `element_bytes` each, of which `values` holds those that are not
// zero in the order of its SparsityParameters. Refuses parameters that do not fit shape and values.
[[nodiscard]] Result<std::vector<std::uint8_t>> densified(const FlatTable& sparsity,
                                                          std::span<const std::uint32_t> shape,
                                                          std::uint32_t element_bytes, Bytes values);

}  // namespace sotto::model_compiler
