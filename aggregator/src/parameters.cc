// Graph parameters after Bell et al. 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic
// Overhead", section 3: with n participants, at most c = floor(gamma n) corrupt and d = floor(delta n)
// dropped, (k, t) must make three events rare.
//   1. The graph of honest survivors falls apart, so that the server learns the sum of a part: below 2^-41.
//   2. Some participant's corrupt neighbours open what they must not: below 2^-41 together, so 2^-41 / n
//   each. Curious
//      server: t or more corrupt neighbours. Semi-malicious server: it tells honest neighbours different
//      stories and gets both seeds; k - X honest answers and 2 X corrupt ones reach 2 t when X >= 2 t - k.
//   3. Some participant keeps fewer than t live neighbours and its seed is lost: below 2^-20 / n each.
// The neighbours of one participant are a uniform sample without replacement, hence the hypergeometric tails.
#include "sotto/aggregator/parameters.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "hypergeometric.h"
#include "sotto/base/limits.h"

namespace sotto::aggregator {
namespace {

constexpr double kSecurityPerEvent = 0x1p-41;  // two privacy events share 2^-40
constexpr double kLostSum = 0x1p-20;
constexpr std::uint32_t kHararyParticipantsMax = 65'535;  // GraphParameters counts in 16 bits
constexpr std::uint32_t kThresholdMin = 2;  // with 1, every single neighbour would hold the seed
// Plans carry the fractions as float32, whose rounding must not cost a head: 0.35f * 1000 counts as 350, not
// as 349.99999.
constexpr double kFractionSlack = 1e-6;
// Above this sum of corrupt and (for a semi-malicious server twice) dropped fractions only graphs that are
// complete but for a few edges could qualify, and the complete graph serves those cohorts better.
constexpr double kSparseGraphLoadMax = 0.9;

// The request in heads.
struct Population {
  std::uint32_t participants;
  std::uint32_t corrupt;
  std::uint32_t dropped;
  bool semi_malicious;
};

std::uint32_t heads(double fraction, std::uint32_t participants) {
  const double count = std::floor((fraction + kFractionSlack) * participants);
  return std::min(participants, static_cast<std::uint32_t>(count));
}

Result<Population> checked_population(const GraphRequest& request, std::uint32_t participants_max) {
  const std::uint32_t n = request.participants;
  if (n < limits::kParticipantsMin || n > participants_max) {
    return invalid_argument("participants = " + std::to_string(n) + ": must be " +
                            std::to_string(limits::kParticipantsMin) + " .. " +
                            std::to_string(participants_max));
  }
  for (const double fraction : {request.corrupt_fraction, request.dropout_fraction}) {
    if (!(fraction >= 0 && fraction < 1)) {
      return invalid_argument("a fraction of participants = " + std::to_string(fraction) +
                              ": must be at least 0, below 1");
    }
  }
  return Population{.participants = n,
                    .corrupt = heads(request.corrupt_fraction, n),
                    .dropped = heads(request.dropout_fraction, n),
                    .semi_malicious = request.adversary == proto::Adversary::kSemiMalicious};
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
      population.semi_malicious ? (corrupt_neighbours + neighbours) / 2 + 1 : corrupt_neighbours + 1;
  return std::max(threshold, kThresholdMin);
}

secagg::GraphParameters graph_of(std::uint32_t participants, std::uint32_t neighbours,
                                 std::uint32_t threshold) {
  return {.participants = static_cast<std::uint16_t>(participants),
          .neighbours = static_cast<std::uint16_t>(neighbours),
          .threshold = static_cast<std::uint16_t>(threshold)};
}

std::string described(const Population& population) {
  return std::to_string(population.participants) + " participants, of whom " +
         std::to_string(population.corrupt) + " may be corrupt and " + std::to_string(population.dropped) +
         " drop out" +
         (population.semi_malicious ? ", against a semi-malicious server" : ", against a curious server");
}

Result<secagg::GraphParameters> complete_graph(const Population& population) {
  const std::uint32_t neighbours = population.participants - 1;
  const std::uint32_t threshold = safe_threshold(population, neighbours, population.corrupt);
  // A survivor's holders are the other survivors.
  if (threshold + population.dropped > neighbours) {
    return invalid_argument("no threshold serves " + described(population) +
                            ": raise the cohort's size or lower the corrupt or drop-out fraction");
  }
  return graph_of(population.participants, neighbours, threshold);
}

}  // namespace

Result<secagg::GraphParameters> search_harary_parameters(const GraphRequest& request) {
  const auto checked = checked_population(request, kHararyParticipantsMax);
  if (!checked) return checked.error();
  const Population& population = *checked;
  const std::uint32_t n = population.participants;
  const double load =
      request.corrupt_fraction + (population.semi_malicious ? 2 : 1) * request.dropout_fraction;
  const std::uint32_t neighbours_end = load > kSparseGraphLoadMax + kFractionSlack ? 0 : n - 1;
  for (std::uint32_t neighbours = 2; neighbours < neighbours_end; neighbours += 2) {
    if (!stays_connected(population, neighbours)) continue;
    const Hypergeometric corrupt(n, population.corrupt, neighbours);
    const Hypergeometric alive(n, n - population.dropped, neighbours);
    const std::uint32_t corrupt_most = corrupt.upper_quantile(kSecurityPerEvent / n);
    const std::uint32_t alive_least = alive.lower_quantile(kLostSum / n);
    const std::uint32_t threshold = safe_threshold(population, neighbours, corrupt_most);
    if (threshold <= alive_least) return graph_of(n, neighbours, threshold);
  }
  return invalid_argument("no sparse graph serves " + described(population));
}

Result<secagg::GraphParameters> choose_graph(const GraphRequest& request) {
  const auto checked = checked_population(request, limits::kParticipantsMax);
  if (!checked) return checked.error();
  if (request.participants > limits::kCompleteGraphMax) {
    auto sparse = search_harary_parameters(request);
    if (sparse) return sparse;
  }
  return complete_graph(*checked);
}

}  // namespace sotto::aggregator
