// Brings every feature to mean 0 and standard deviation 1 over a reference sample.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sotto::simulation {

class Standardiser {
 public:
  // From row-major examples [count][features]; standard deviation over the whole sample (not count - 1).
  // `floor` is added to each deviation; a feature that never changes is divided by 1. Requires at least one
  // whole row.
  Standardiser(std::span<const double> examples, std::size_t features, double floor = 0);

  // Appends the standardised values of row-major examples with the same number of features.
  void append(std::span<const double> examples, std::vector<float>& out) const;

 private:
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

}  // namespace sotto::simulation
