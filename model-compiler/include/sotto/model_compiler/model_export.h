// Models as .tflite files, for the official interpreter and for whoever compiles them again. Host only; no
// I/O, deterministic.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/device_runtime/head.h"

namespace sotto::model_compiler {

// A .tflite file with another head: weights [outputs][features], then biases [outputs], as sotto_head_read()
// gives them, quantised as sotto_head_apply() does with a head of this form. So the official interpreter
// gives the bytes that a board gives which runs that head. All else is as in `tflite`, which stands behind
// what is new (the old weights with it): the file grows by the head and a few kilobytes.
//
// kInvalidArgument: `tflite` (any bytes may be given) cannot be compiled, has no head that trains, or not as
// many parameters; a parameter is not finite or beyond +-1e15; a row's scale cannot be expressed.
[[nodiscard]] Result<std::vector<std::uint8_t>> export_head(Bytes tflite, std::span<const float> parameters,
                                                            sotto_head_form form);

// The built-in models (PROTOCOL.md section 3) in float32, because nothing here knows the ranges that int8
// would need: fully connected layers, ReLU between them, SOFTMAX at the end. `widths`: features, the units of
// each hidden layer, classes; `parameters`: of each layer weights [inputs][outputs], then the bias [outputs].
// `description` is kept in the file.
//
// kInvalidArgument: fewer than two widths, one of 0, or not as many parameters; more than 2^24 of them.
[[nodiscard]] Result<std::vector<std::uint8_t>> export_dense(std::span<const std::uint32_t> widths,
                                                             std::span<const float> parameters,
                                                             const std::string& description);

}  // namespace sotto::model_compiler
