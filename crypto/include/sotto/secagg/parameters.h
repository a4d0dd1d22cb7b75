// Neighbours k and threshold t of a cohort's graph (PROTOCOL.md section 6.13): which of them withstand
// corrupt devices and a lying coordinator, and the fewest that do. Whole numbers throughout, so both sides
// get the same answer. Freestanding, no heap.
#pragma once

#include <cstdint>
#include <optional>

#include "sotto/secagg/graph.h"
#include "sotto/secagg/identity.h"

namespace sotto::secagg {

struct GraphRequest {
  std::uint32_t participants = 0;  // n, limits::kParticipantsMin .. limits::kParticipantsMax
  Adversary adversary = Adversary::kSemiMalicious;
  float corrupt_fraction = 0.1f;  // gamma, [0, 1)
  float dropout_fraction = 0.1f;  // delta, [0, 1)
  std::uint16_t honest_min = 0;   // honest members that any sum must hold (sum_floor())
  friend bool operator==(const GraphRequest&, const GraphRequest&) = default;
};

// Of n participants, how many are corrupt at most: ceil(fraction * n), the fraction rounded to 0.00001 so
// that the binary32 nearest to 0.1 counts as 0.1.
[[nodiscard]] std::uint32_t corrupt_heads(float fraction, std::uint32_t participants);
// How many drop out at most: floor(fraction * n).
[[nodiscard]] std::uint32_t dropped_heads(float fraction, std::uint32_t participants);

// The honest members that any sum holds, at least: k - t + 2. Whoever releases a share has t signatures of
// its neighbours over one set of survivors, and at most 2 t - k - 2 of these neighbours are corrupt.
[[nodiscard]] constexpr std::uint32_t sum_floor(const GraphParameters& graph) {
  return std::uint32_t{graph.neighbours} + 2 - graph.threshold;
}

// What a device asks of the graph it is shown: whether it keeps the request's promises to it. Whether a sum
// survives drop-outs is not looked at: that is the coordinator's to lose.
[[nodiscard]] bool graph_withstands(const GraphParameters& graph, const GraphRequest& request);

// The fewest neighbours, and for these the smallest threshold, with which the graph withstands and drop-outs
// cost the sum with probability 2^-20 at most. Complete up to limits::kCompleteGraphMax participants, and
// where no sparse graph serves. Nothing when even that serves nobody, or the request is out of range.
[[nodiscard]] std::optional<GraphParameters> choose_graph(const GraphRequest& request);

// The smallest cohort from which on all sizes find a graph, as far as limits::kCompleteGraphMax and the
// request's participants go; larger cohorts are like the largest. Heads are whole numbers, so among small
// cohorts one may be served and the next not. Nothing when the largest is not.
[[nodiscard]] std::optional<std::uint32_t> smallest_served(const GraphRequest& request);

}  // namespace sotto::secagg
