// A .tflite file's first subgraph as the compiler works on it. Views borrow the file's bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "tflite/flat_buffer.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {

inline constexpr std::int32_t kAbsentTensor = -1;

// real = scales[c] * (q - zero_points[c]); one of each, or one per index of `dimension`. Empty when not
// quantised.
struct Quantization {
  FlatVector<float> scales;
  FlatVector<std::int64_t> zero_points;
  std::int32_t dimension = 0;
};

struct Tensor {
  std::string_view name;
  TensorType type = TensorType::kFloat32;
  std::vector<std::uint32_t> shape;  // every dimension >= 1, at most kImageRankMax of them
  std::uint32_t elements = 1;        // their product
  std::uint32_t bytes = 0;           // elements times the type's bytes
  Quantization quantization;
  Bytes constant;  // `bytes` of them, or empty when the tensor is computed
  // Bit i: the file leaves dimension i open (the batch, usually),
  // and `shape` holds 1 for it until shapes are folded.
  std::uint32_t open_dimensions = 0;
  bool is_variable = false;  // keeps its value from run to run
  bool is_empty = false;     // it has no elements, and so nothing can use it

  [[nodiscard]] bool is_constant() const { return !constant.empty(); }
};

// Rows and columns of zero points around a tensor.
struct SpatialPadding {
  std::uint32_t top = 0, bottom = 0, left = 0, right = 0;

  [[nodiscard]] bool any() const { return (top | bottom | left | right) != 0; }
};

struct Operator {
  std::uint32_t index = 0;  // in the file
  std::int32_t code = 0;    // BuiltinOperator
  std::int32_t version = 1;
  std::string_view custom_code;       // of a CUSTOM operator
  std::vector<std::int32_t> inputs;   // tensors or kAbsentTensor
  std::vector<std::int32_t> outputs;  // tensors
  FlatTable options;
  bool through_float = false;  // computed in float32 between 8-bit tensors (tensor/float_bridges.h)
  SpatialPadding padding;      // of its input 0, before its own (tensor/padding_folding.h)
};

// The options of an operator with windows, as the file has them, and the padding that was folded into it.
struct WindowOptions {
  Padding padding = Padding::kSame;
  std::int32_t stride_height = 0, stride_width = 0;
  std::int32_t dilation_height = 1, dilation_width = 1;
  SpatialPadding before;
};
[[nodiscard]] WindowOptions window_options(const Operator& op, const slot::Window& slots);

// A tensor whose value lives on from run to run.
struct State {
  std::uint32_t tensor = 0;
  Bytes initial;  // empty: its zero point, or 0 where it is not int8
};

struct Graph {
  std::unique_ptr<FlatBuffer> file;              // of `options`
  std::deque<std::vector<std::uint8_t>> folded;  // constants that are not in the file
  std::vector<Tensor> tensors;
  std::vector<Operator> operators;  // in execution order
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> outputs;
  std::vector<State> states;  // after fold_variables()
  // The file's subgraphs that a CALL_ONCE runs, by their number, without `file`.
  std::map<std::uint32_t, std::unique_ptr<Graph>> initialisers;
  std::uint32_t subgraph_count = 1;
};

// CUSTOM (ethos-u); CONV_2D.
[[nodiscard]] std::string operator_text(const Operator& op);

// A name of the file, for messages: at most 120 characters, none of them unprintable.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sotto::model_compiler
