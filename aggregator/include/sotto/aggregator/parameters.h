// Neighbours k and threshold t of a cohort's graph: the smallest k, then t, that meet 2^-40 security against
// gamma * n corrupt devices and a 2^-20 chance that delta * n drop-outs make a sum unrecoverable (Bell et al.
// 2020, hypergeometric tails).
#pragma once

#include <cstdint>

#include "sotto/base/result.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/graph.h"

namespace sotto::aggregator {

struct GraphRequest {
  std::uint32_t participants = 0;
  proto::Adversary adversary = proto::Adversary::kSemiMalicious;
  double corrupt_fraction = 0.1;  // gamma, [0, 1)
  double dropout_fraction = 0.1;  // delta, [0, 1)
};

// The Harary search for any n. kInvalidArgument when no k < n meets the request.
[[nodiscard]] Result<secagg::GraphParameters> search_harary_parameters(const GraphRequest& request);

// What a cohort uses: the complete graph up to limits::kCompleteGraphMax participants (k = n - 1; the
// threshold is the smallest that the adversary class allows and drop-outs of delta survive), the Harary
// search above, the complete graph again where the search finds none. kInvalidArgument when even that cannot
// satisfy the request.
[[nodiscard]] Result<secagg::GraphParameters> choose_graph(const GraphRequest& request);

}  // namespace sotto::aggregator
