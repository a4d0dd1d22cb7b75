// Graph parameters after Bell et al. 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic
// Overhead", section 3: with n participants, at most c = floor(gamma n) corrupt and d = floor(delta n)
// dropped, (k, t) must make three events rare.
//   1. The graph of honest survivors falls apart, so that the server learns the sum of a part: below 2^-41.
//   2. Some participant's corrupt neighbours open what they must not: below 2^-41 together, so 2^-41 / n
//   each. Curious server: t or more corrupt neighbours. Semi-malicious server: it tells honest neighbours
//   different stories; 2 t > k + X keeps it from both seeds of a participant. The paper's t is the smallest
//   such; ours is one more where k + X is odd, 2 t >= k + X + 2, which with t neighbours' signatures of one
//   set of survivors also keeps it from the sum of a few (tests/model/README.md).
//   3. Some participant keeps fewer than t live neighbours and its seed is lost: below 2^-20 / n each.
// The neighbours of one participant are a uniform sample without replacement, hence the hypergeometric tails.
#include "sotto/secagg/parameters.h"

#include <algorithm>
#include <cmath>

#include "secagg/hypergeometric.h"
#include "sotto/base/limits.h"
#include "sotto/secagg/participant.h"

namespace sotto::secagg {
namespace {

constexpr double kSecurityPerEvent = 0x1p-41;  // two privacy events share 2^-40
constexpr double kLostSum = 0x1p-20;
constexpr std::uint32_t kThresholdMin = 2;  // with 1, every single neighbour would hold the seed
// Plans carry the fractions as float32, whose rounding must not cost a head: 0.35f * 1000 counts as 350, not
// as 349.99999.
constexpr double kFractionSlack = 1e-6;
// Above this sum of corrupt and (for a semi-malicious server twice) dropped fractions only graphs that are
// complete but for a few edges could qualify, and the complete graph serves those cohorts better.
constexpr double kSparseGraphLoadMax = 0.9;

// The request in heads.
struct Population {
  explicit Population(const GraphRequest& request)
      : participants(request.participants),
        corrupt(heads(request.corrupt_fraction, request.participants)),
        dropped(heads(request.dropout_fraction, request.participants)),
        semi_malicious(request.adversary == Adversary::kSemiMalicious) {}

  std::uint32_t participants;
  std::uint32_t corrupt;
  std::uint32_t dropped;
  bool semi_malicious;
};

bool in_range(const GraphRequest& request) {
  const auto fraction = [](double value) { return value >= 0 && value < 1; };
  return request.participants >= limits::kParticipantsMin &&
         request.participants <= limits::kParticipantsMax && fraction(request.corrupt_fraction) &&
         fraction(request.dropout_fraction);
}

// Two gaps of k/2 consecutive positions each, all corrupt or dropped, cut a Harary ring. Union bound over the
// pairs of places where the gaps can lie.
bool stays_connected(const Population& population, std::uint32_t neighbours) {
  const std::uint32_t n = population.participants;
  const std::uint32_t bad = population.corrupt + population.dropped;
  if (neighbours > bad) return true;
  const double pairs_of_gaps = std::log(n) + std::log(n - neighbours - 1) - std::log(2.0);
  const double all_bad =
      log_factorial(bad) - log_factorial(bad - neighbours) + log_factorial(n - neighbours) - log_factorial(n);
  return pairs_of_gaps + all_bad < std::log(kSecurityPerEvent);
}

// The smallest threshold that `corrupt_neighbours` corrupt neighbours do not defeat.
std::uint32_t safe_threshold(const Population& population, std::uint32_t neighbours,
                             std::uint32_t corrupt_neighbours) {
  const std::uint32_t threshold =
      population.semi_malicious ? (neighbours + corrupt_neighbours + 1) / 2 + 1 : corrupt_neighbours + 1;
  return std::max(threshold, kThresholdMin);
}

GraphParameters graph_of(std::uint32_t participants, std::uint32_t neighbours, std::uint32_t threshold) {
  return {.participants = static_cast<std::uint16_t>(participants),
          .neighbours = static_cast<std::uint16_t>(neighbours),
          .threshold = static_cast<std::uint16_t>(threshold)};
}

std::optional<GraphParameters> complete_graph(const Population& population) {
  const std::uint32_t neighbours = population.participants - 1;
  const std::uint32_t threshold = safe_threshold(population, neighbours, population.corrupt);
  // A survivor's holders are the other survivors.
  if (threshold + population.dropped > neighbours) return std::nullopt;
  return graph_of(population.participants, neighbours, threshold);
}

}  // namespace

std::uint32_t heads(double fraction, std::uint32_t participants) {
  const double count = std::floor((fraction + kFractionSlack) * participants);
  return std::min(participants, static_cast<std::uint32_t>(count));
}

std::optional<GraphParameters> search_sparse_graph(const GraphRequest& request) {
  if (!in_range(request)) return std::nullopt;
  const Population population(request);
  const std::uint32_t n = population.participants;
  const double load =
      request.corrupt_fraction + (population.semi_malicious ? 2 : 1) * request.dropout_fraction;
  if (load > kSparseGraphLoadMax + kFractionSlack) return std::nullopt;
  for (std::uint32_t neighbours = 2; neighbours < n - 1; neighbours += 2) {
    if (!stays_connected(population, neighbours)) continue;
    const Hypergeometric corrupt(n, population.corrupt, neighbours);
    const Hypergeometric alive(n, n - population.dropped, neighbours);
    const std::uint32_t corrupt_most = corrupt.upper_quantile(kSecurityPerEvent / n);
    const std::uint32_t alive_least = alive.lower_quantile(kLostSum / n);
    const std::uint32_t threshold = safe_threshold(population, neighbours, corrupt_most);
    if (threshold <= alive_least) return graph_of(n, neighbours, threshold);
  }
  return std::nullopt;
}

std::optional<GraphParameters> choose_graph(const GraphRequest& request) {
  if (!in_range(request)) return std::nullopt;
  if (request.participants > limits::kCompleteGraphMax) {
    const auto sparse = search_sparse_graph(request);
    if (sparse) return sparse;
  }
  return complete_graph(Population(request));
}

bool graph_is_chosen(const GraphParameters& graph, const ParticipantRules& rules) {
  return graph == choose_graph({.participants = graph.participants,
                                .adversary = rules.adversary,
                                .corrupt_fraction = rules.corrupt_fraction,
                                .dropout_fraction = rules.dropout_fraction});
}

}  // namespace sotto::secagg
