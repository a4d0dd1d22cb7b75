// Neighbours k and threshold t of a cohort's graph: the smallest k, then t, that meet 2^-40 security against
// gamma * n corrupt devices and a 2^-20 chance that delta * n drop-outs make a sum unrecoverable (Bell et al.
// 2020, hypergeometric tails; PROTOCOL.md section 6.13). Both sides work them out: a device takes no graph on
// trust. No heap, but double precision: for hosts.
#pragma once

#include <cstdint>
#include <optional>

#include "sotto/secagg/graph.h"
#include "sotto/secagg/identity.h"

namespace sotto::secagg {

struct ParticipantRules;

struct GraphRequest {
  std::uint32_t participants = 0;  // limits::kParticipantsMin .. limits::kParticipantsMax
  Adversary adversary = Adversary::kSemiMalicious;
  double corrupt_fraction = 0.1;  // gamma, [0, 1)
  double dropout_fraction = 0.1;  // delta, [0, 1)
  friend bool operator==(const GraphRequest&, const GraphRequest&) = default;
};

// How many of the participants a fraction allows for: floor, with slack for fractions that were rounded to
// binary32.
[[nodiscard]] std::uint32_t heads(double fraction, std::uint32_t participants);

// The search for a sparse graph at any n. Nothing when no k below n - 1 meets the request, or it is out of
// range.
[[nodiscard]] std::optional<GraphParameters> search_sparse_graph(const GraphRequest& request);

// What a cohort uses: the complete graph up to limits::kCompleteGraphMax participants (k = n - 1; the
// smallest threshold that the adversary allows, if drop-outs of delta survive it), the sparse search above,
// the complete graph again where the search finds none. Nothing when even that cannot meet the request, or it
// is out of range.
[[nodiscard]] std::optional<GraphParameters> choose_graph(const GraphRequest& request);

// Whether `graph` is what choose_graph() gives for its number of participants: a participant's GraphVerdict.
[[nodiscard]] bool graph_is_chosen(const GraphParameters& graph, const ParticipantRules& rules);

}  // namespace sotto::secagg
