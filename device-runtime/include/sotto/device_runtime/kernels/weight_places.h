// Where the weights of a fully connected layer lie in each layout, for who reads or writes single ones: heads
// that are trained. The compiler packs whole matrices to the same places (model-compiler/src/targets).
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "sotto/device_runtime/kernels/helium/layout.h"
#include "sotto/device_runtime/kernels/portable/portable_scratch.h"

namespace sotto::device {

class WeightPlaces {
 public:
  constexpr WeightPlaces(Layout layout, std::uint32_t rows, std::uint32_t columns)
      : layout_(layout), rows_(rows), columns_(columns), filled_columns_(filled(layout, columns)) {}

  // Of all weights, with what fills up groups; 0 for a layout that no fully connected layer has.
  [[nodiscard]] constexpr std::uint64_t bytes() const {
    switch (layout_) {
      case Layout::kPlain:
        return std::uint64_t{rows_} * columns_;
      case Layout::kPortable:
        return portable::matrix_bytes(rows_, columns_);
      case Layout::kCortexMDsp:
        return std::uint64_t{dsp::round_up(rows_, 4)} * filled_columns_;
      case Layout::kHelium:
        return helium::matrix_weight_bytes(rows_, columns_);
      case Layout::kAvx2:
        return avx2::matrix_weight_bytes(rows_, columns_);
    }
    return 0;
  }

  // The byte of the weight that `column` has in `row`. Not inlined: it is larger than what calls it.
  [[nodiscard, gnu::noinline]] constexpr std::uint32_t at(std::uint32_t row, std::uint32_t column) const {
    switch (layout_) {
      case Layout::kPlain:
        return row * columns_ + column;
      case Layout::kPortable:
        return (row / 4 * columns_ + column) * 4 + row % 4;
      case Layout::kCortexMDsp:  // steps 0 and 2 of a quad, then 1 and 3, of two rows at a time
        return row / 4 * 4 * filled_columns_ + column / 4 * 16 + column % 2 * 8 + row % 4 / 2 * 4 +
               column % 4 / 2 * 2 + row % 2;
      case Layout::kHelium:
        return row / 4 * 4 * filled_columns_ + column / 16 * 64 + row % 4 * 16 + column % 16;
      case Layout::kAvx2:
        return row / 16 * 16 * filled_columns_ + column / 2 * 32 + row % 16 * 2 + column % 2;
    }
    return 0;
  }

 private:
  [[nodiscard]] static constexpr std::uint32_t filled(Layout layout, std::uint32_t columns) {
    if (layout == Layout::kCortexMDsp) return dsp::round_up(columns, 4);
    if (layout == Layout::kHelium) return static_cast<std::uint32_t>(helium::round_up(columns, 16));
    if (layout == Layout::kAvx2) return static_cast<std::uint32_t>(avx2::round_up(columns, 2));
    return columns;
  }

  Layout layout_;
  std::uint32_t rows_, columns_, filled_columns_;
};

static_assert(portable::kRowsPerGroup == 4 && helium::kMatrixChannels == 4 && helium::kMatrixSteps == 16 &&
              avx2::kGroupChannels == 16);

}  // namespace sotto::device
