#include "kernels/portable/matrix_block.h"

namespace sotto::device::portable {

void multiply_pixels(const ChannelOutput& channel_output, const std::int8_t* weights,
                     const std::int8_t* first, const std::int8_t* second, std::uint32_t depth,
                     std::uint32_t channels, std::int8_t* first_out, std::int8_t* second_out) {
  // A copy whose address nobody has: stores of int8 cannot change it.
  const ChannelOutput output = channel_output;
  for (std::uint32_t group = 0; group < channels; group += kRowsPerGroup) {
    const std::uint32_t rows = channels - group < kRowsPerGroup ? channels - group : kRowsPerGroup;
    if (second != nullptr) {
      const Accumulators sums = multiply_two_columns(weights, first, second, depth);
      for (std::uint32_t row = 0; row < rows; ++row) {
        const std::int8_t a = output.value(sums.of[0][row], group + row);
        second_out[group + row] = output.value(sums.of[1][row], group + row);
        first_out[group + row] = a;
      }
    } else {
      std::int32_t sums[kRowsPerGroup];
      multiply_column(weights, first, depth, sums);
      for (std::uint32_t row = 0; row < rows; ++row) {
        first_out[group + row] = output.value(sums[row], group + row);
      }
    }
    weights += kRowsPerGroup * depth;
  }
}

}  // namespace sotto::device::portable
