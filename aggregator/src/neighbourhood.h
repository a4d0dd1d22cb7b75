// The neighbour lists of a whole cohort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/graph.h"

namespace sotto::aggregator {

class Neighbourhood {
 public:
  Neighbourhood() = default;  // nobody
  Neighbourhood(const secagg::GraphParameters& parameters, const crypto::Digest& graph_seed);

  [[nodiscard]] const secagg::GraphParameters& parameters() const { return parameters_; }
  // In ascending order: the place in the list is the rank.
  [[nodiscard]] std::span<const std::uint16_t> of(std::size_t participant) const {
    return std::span(lists_).subspan(participant * parameters_.neighbours, parameters_.neighbours);
  }
  // Requires that `neighbour` is one of `owner`'s.
  [[nodiscard]] std::size_t rank(std::size_t owner, std::size_t neighbour) const;
  // How many of a participant's neighbours `members` marks.
  [[nodiscard]] std::size_t count(std::size_t participant, const std::vector<bool>& members) const;

 private:
  secagg::GraphParameters parameters_;
  std::vector<std::uint16_t> lists_;
};

}  // namespace sotto::aggregator
