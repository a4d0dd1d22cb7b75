// Functions of one 8-bit value as tables, each with the arithmetic of the official interpreter's reference
// kernel, so that every entry is the same to the bit.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace sotto::model_compiler {

// real = scale * (q - zero_point), q an int8 or, if is_unsigned, an uint8.
struct Affine {
  float scale = 1;
  std::int32_t zero_point = 0;
  bool is_unsigned = false;
};

// By the input's byte, taken as unsigned.
using LookupTable = std::array<std::int8_t, 256>;

// clamp(x, min, max); max may be infinite.
[[nodiscard]] LookupTable clamp_table(const Affine& input, const Affine& output, float min, float max);
// x where x >= 0, alpha * x elsewhere.
[[nodiscard]] LookupTable leaky_relu_table(const Affine& input, const Affine& output, float alpha);
// x * clamp(x + 3, 0, 6) / 6. The output's scale must be more than 1/127 of the input's.
[[nodiscard]] LookupTable hard_swish_table(const Affine& input, const Affine& output);
[[nodiscard]] LookupTable absolute_table(const Affine& input, const Affine& output);
// QUANTIZE between 8-bit types.
[[nodiscard]] LookupTable requantize_table(const Affine& input, const Affine& output);
// 1 / sqrt(x); of what is not positive the greatest value.
[[nodiscard]] LookupTable inverse_root_table(const Affine& input, const Affine& output);
// Whether inverse_root_table() can be scaled.
[[nodiscard]] bool can_scale_inverse_root(const Affine& input, const Affine& output);
// Anything else, computed in float32: LOGISTIC, TANH, GELU, int8 ELU.
[[nodiscard]] LookupTable function_table(const Affine& input, const Affine& output,
                                         const std::function<float(float)>& function);

// DEQUANTIZE, the function in float32, QUANTIZE.
[[nodiscard]] LookupTable bridged_table(const Affine& input, const Affine& output,
                                        const std::function<float(float)>& function);

// The functions of these tables.
[[nodiscard]] float logistic(float x);
[[nodiscard]] float elu(float x);
[[nodiscard]] float gelu(float x);
[[nodiscard]] float gelu_approximate(float x);

// Whether x * input.scale / output.scale can be scaled at all: the ratio of the scales lies in [2^-31, 2^30).
[[nodiscard]] bool can_rescale(const Affine& input, const Affine& output, float factor = 1);

}  // namespace sotto::model_compiler
