// Which (k, t) withstand (PROTOCOL.md section 6.13). With n participants of whom c are corrupt, w = k / 2:
//
//   A  A participant's neighbours open both its seeds, or two releasing neighbours were told different sets
// of
//      survivors: it takes 2 t - k - 1 corrupt neighbours of one participant.
//   B  The ring is cut in two, whose sums both open: those at a cut's edges see at most w of the t neighbours
//      that they need, so w consecutive places beyond each of the two edges hold t - w corrupt devices.
//
// A lying coordinator chooses who is missing and what each device is told, so neither counts as chance; the
// places are drawn by a seed that it may draw again, 2^80 times. A and B are each below 2^-121 for one seed.
// Where 2 (t - w) > c and 2 t - k - 1 > c no placement at all will do, and seeds do not matter: that is so in
// cohorts of up to a few hundred devices. A curious coordinator lies about nothing and draws once: each event
// is below 2^-41, A takes t corrupt neighbours, and B that two stretches of w places are all corrupt or gone.
#include "sotto/secagg/parameters.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "secagg/tail_bound.h"
#include "sotto/base/limits.h"

namespace sotto::secagg {
namespace {

constexpr int kLyingServer = -121;
constexpr int kCuriousServer = -41;
constexpr int kLostSum = -20;
constexpr std::uint32_t kThresholdMin = 2;  // with 1, every single neighbour would hold the seed
// Fractions are counted in these: a product with any n fits 32 bits.
constexpr std::uint32_t kParts = 100'000;
// Above this sum of corrupt and (for a lying server twice) dropped fractions only graphs that are complete
// but for a few edges could qualify: the search does not begin. In parts.
constexpr std::uint32_t kSparseLoadMax = 90'000;

// In bits, so that a board needs no floating point for it.
bool is_fraction(float value) { return std::bit_cast<std::uint32_t>(value) < 0x3f80'0000; }  // [0, 1)

// Of a fraction in [0, 1), to the nearest.
[[gnu::noinline]] std::uint32_t parts_of(float fraction) {
  const auto bits = std::bit_cast<std::uint32_t>(fraction);
  const std::uint32_t exponent = bits >> 23;
  if (exponent < 109) return 0;  // below 2^-18, so below half a part
  const std::uint64_t product = std::uint64_t{(bits & 0x7f'ffff) | 0x80'0000} * kParts;
  return (static_cast<std::uint32_t>(product >> (149 - exponent)) + 1) / 2;
}

// The request in heads.
struct Population {
  explicit Population(const GraphRequest& request)
      : participants(request.participants),
        corrupt(corrupt_heads(request.corrupt_fraction, request.participants)),
        dropped(dropped_heads(request.dropout_fraction, request.participants)),
        honest_min(request.honest_min),
        semi_malicious(request.adversary == Adversary::kSemiMalicious) {}

  std::uint32_t participants;
  std::uint32_t corrupt;
  std::uint32_t dropped;
  std::uint32_t honest_min;
  bool semi_malicious;
};

struct Degree {
  std::uint32_t neighbours = 0;
  std::uint32_t threshold = 0;
};

bool in_range(const GraphRequest& request) {
  return request.participants >= limits::kParticipantsMin &&
         request.participants <= limits::kParticipantsMax && is_fraction(request.corrupt_fraction) &&
         is_fraction(request.dropout_fraction);
}

// Beyond two thirds of all the stretches on both sides of a cut could overlap, and one corrupt device count
// for both.
bool is_sparse(const Population& population, std::uint32_t neighbours) {
  return neighbours % 2 == 0 && 3 * neighbours <= 2 * population.participants;
}

// Whether all participants together see a sample of `neighbours` with `least` marked ones that rarely.
bool rare_around_all(std::uint32_t participants, std::uint32_t marked, std::uint32_t neighbours,
                     std::uint32_t least, int exponent) {
  ProbabilityBound bound;
  bound.times_tail(participants, marked, neighbours, least);
  bound.times(participants);
  return bound.at_most_power(exponent);
}

// Two disjoint stretches of `length` places each with `least` marked ones. Given that the first has at least
// that many, the second is the likelier the fewer the first has taken.
bool rare_twice(std::uint32_t participants, std::uint32_t marked, std::uint32_t length, std::uint32_t least,
                int exponent) {
  if (2 * least > marked) return true;
  ProbabilityBound bound;
  bound.times_tail(participants, marked, length, least);
  bound.times_tail(participants - length, marked - least, length, least);
  bound.times(participants * (participants - 1) / 2);
  return bound.at_most_power(exponent);
}

bool withstands_lies(const Population& population, const Degree& degree) {
  const auto [k, t] = degree;
  const auto [n, c] = std::pair(population.participants, population.corrupt);
  if (2 * t <= k + 1) return false;
  const std::uint32_t corrupt_neighbours = 2 * t - k - 1;
  if (k + 1 == n) return corrupt_neighbours > c;
  const std::uint32_t half = k / 2;
  return rare_around_all(n, c, k, corrupt_neighbours, kLyingServer) &&
         rare_twice(n, c, half, t - half, kLyingServer);
}

bool withstands_curiosity(const Population& population, const Degree& degree) {
  const auto [k, t] = degree;
  const auto [n, c] = std::pair(population.participants, population.corrupt);
  if (k + 1 == n) return t > c;
  const std::uint32_t gone = std::min(c + population.dropped, n);
  return rare_around_all(n, c, k, t, kCuriousServer) && rare_twice(n, gone, k / 2, k / 2, kCuriousServer);
}

bool withstands(const Population& population, const Degree& degree) {
  if (degree.threshold < kThresholdMin || degree.threshold > degree.neighbours) return false;
  if (!population.semi_malicious) return withstands_curiosity(population, degree);
  return degree.neighbours + 2 - degree.threshold >= population.honest_min &&
         withstands_lies(population, degree);
}

// Of a sparse graph. It does not when some participant keeps fewer than t live neighbours: when more than
// k - t of them have dropped out.
bool keeps_the_sum(const Population& population, const Degree& degree) {
  const auto [k, t] = degree;
  return rare_around_all(population.participants, population.dropped, k, k - t + 1, kLostSum);
}

// The smallest threshold that withstands, among those that keep the sum: 0 when none does both. A higher
// threshold withstands more, until a sum's floor falls below the least asked for.
std::uint32_t smallest_threshold(const Population& population, std::uint32_t neighbours,
                                 std::uint32_t keeping_most) {
  std::uint32_t high = keeping_most;
  if (population.semi_malicious) {
    if (neighbours + 2 < population.honest_min) return 0;
    high = std::min(high, neighbours + 2 - population.honest_min);
  }
  if (!withstands(population, {neighbours, high})) return 0;
  std::uint32_t low = kThresholdMin;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (withstands(population, {neighbours, middle})) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return high;
}

GraphParameters graph_of(const Population& population, const Degree& degree) {
  return {.participants = static_cast<std::uint16_t>(population.participants),
          .neighbours = static_cast<std::uint16_t>(degree.neighbours),
          .threshold = static_cast<std::uint16_t>(degree.threshold)};
}

std::optional<GraphParameters> search_sparse(const Population& population) {
  std::uint32_t keeping = 1;  // what keeps the sum with k neighbours does so with k + 2
  for (std::uint32_t k = 2; is_sparse(population, k); k += 2) {
    while (keeping < k && keeps_the_sum(population, {k, keeping + 1})) ++keeping;
    const std::uint32_t threshold = smallest_threshold(population, k, keeping);
    if (threshold != 0) return graph_of(population, {k, threshold});
  }
  return std::nullopt;
}

}  // namespace

std::uint32_t corrupt_heads(float fraction, std::uint32_t participants) {
  return (parts_of(fraction) * participants + kParts - 1) / kParts;
}

std::uint32_t dropped_heads(float fraction, std::uint32_t participants) {
  return parts_of(fraction) * participants / kParts;
}

bool graph_withstands(const GraphParameters& graph, const GraphRequest& request) {
  if (!in_range(request) || graph.participants != request.participants) return false;
  const Population population(request);
  const bool complete = graph.neighbours + 1 == graph.participants;
  if (!complete && !is_sparse(population, graph.neighbours)) return false;
  return withstands(population, {graph.neighbours, graph.threshold});
}

std::optional<GraphParameters> choose_graph(const GraphRequest& request) {
  if (!in_range(request)) return std::nullopt;
  const Population population(request);
  const std::uint32_t load = parts_of(request.corrupt_fraction) +
                             (population.semi_malicious ? 2 : 1) * parts_of(request.dropout_fraction);
  if (request.participants > limits::kCompleteGraphMax && load <= kSparseLoadMax) {
    if (const auto sparse = search_sparse(population)) return sparse;
  }
  const std::uint32_t all = population.participants - 1;
  if (population.dropped >= all) return std::nullopt;
  const std::uint32_t threshold = smallest_threshold(population, all, all - population.dropped);
  if (threshold == 0) return std::nullopt;
  return graph_of(population, {all, threshold});
}

std::optional<std::uint32_t> smallest_served(const GraphRequest& request) {
  if (!choose_graph(request)) return std::nullopt;
  GraphRequest small = request;
  small.participants = std::min<std::uint32_t>(request.participants, limits::kCompleteGraphMax);
  while (small.participants >= limits::kParticipantsMin && choose_graph(small)) --small.participants;
  return small.participants + 1;
}

}  // namespace sotto::secagg
