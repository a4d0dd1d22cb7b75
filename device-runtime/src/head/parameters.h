// A head's parameters as real numbers, whatever form they have.
#pragma once

#include "head/head_state.h"

namespace sotto::device::head {

// The image's own weights and biases.
class ImageWeights {
 public:
  explicit ImageWeights(const ImageParts& parts);

  [[nodiscard]] std::int8_t weight(std::uint32_t row, std::uint32_t column) const {
    return weights_[places_.at(row, column)];
  }
  [[nodiscard]] float scale(std::uint32_t row) const { return scales_[scale_count_ == 1 ? 0 : row]; }
  // In real units.
  [[nodiscard]] float bias(std::uint32_t row) const;

 private:
  WeightPlaces places_;
  const std::int8_t* weights_;
  const std::int32_t* folded_biases_;
  const float* scales_;
  std::uint32_t scale_count_, columns_;
  float input_scale_;
  std::int32_t input_zero_point_;
};

// The image's records, of a head that was opened on it.
[[nodiscard]] ImageParts parts_of(const sotto_head& head);

// Replaces all parameters, rows that are absent by zeros. Velocities become 0.
void load_image(sotto_head& head);
void load_values(sotto_head& head, const float* values);

// Velocities become 0.
void stop_moving(sotto_head& head);

// One row of int8 weights, each to the nearest step of the largest one's scale.
void quantize_row(sotto_head& head, std::uint32_t row, const float* values);

// Row by row of the copy that begins at `offset`: to[column] for every weight of the row.
void read_row(const sotto_head& head, std::uint32_t offset, std::uint32_t row, float* to);

}  // namespace sotto::device::head
