#include "neighbourhood.h"

#include <algorithm>

#include "sotto/base/check.h"

namespace sotto::aggregator {

Neighbourhood::Neighbourhood(const secagg::GraphParameters& parameters, const crypto::Digest& graph_seed)
    : parameters_(parameters), lists_(std::size_t{parameters.participants} * parameters.neighbours) {
  std::vector<std::uint16_t> order(parameters.participants);
  secagg::permute(graph_seed, order);
  for (std::uint16_t i = 0; i < parameters.participants; ++i) {
    const std::size_t start = std::size_t{i} * parameters.neighbours;
    secagg::neighbours_of(ParticipantIndex{i}, order,
                          std::span(lists_).subspan(start, parameters.neighbours));
  }
}

std::size_t Neighbourhood::rank(std::size_t owner, std::size_t neighbour) const {
  const std::span<const std::uint16_t> list = of(owner);
  const auto place = std::lower_bound(list.begin(), list.end(), neighbour);
  SOTTO_CHECK(place != list.end() && *place == neighbour);
  return static_cast<std::size_t>(place - list.begin());
}

std::size_t Neighbourhood::count(std::size_t participant, const std::vector<bool>& members) const {
  const std::span<const std::uint16_t> list = of(participant);
  return static_cast<std::size_t>(
      std::count_if(list.begin(), list.end(), [&](std::uint16_t neighbour) { return members[neighbour]; }));
}

}  // namespace sotto::aggregator
