// Sigmoid and tanh of int16 numbers in Q0.15, by a table and straight lines between its entries: the bits of
// the .tflite reference kernels for 16-bit activations.
#pragma once

#include <cstdint>

namespace sotto::device {

// 2^16 times the sigmoid of i / 24, as those kernels round it.
extern const std::uint16_t kSigmoidTable[256];

// `value` is three quarters of the argument in Q3.12: |value| < 2^29.
[[nodiscard]] std::int16_t sigmoid_q15(std::int32_t value);
[[nodiscard]] std::int16_t tanh_q15(std::int32_t value);

}  // namespace sotto::device
