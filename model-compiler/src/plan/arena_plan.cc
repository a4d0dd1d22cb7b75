#include "plan/arena_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <utility>

#include "sotto/device_runtime/model_image.h"

namespace sotto::model_compiler {
namespace {

constexpr std::int64_t kAlignment = device::kActivationAlignment;
// Placements tried by the local search; each is quadratic in the number of buffers at worst.
constexpr std::uint64_t kSearchSteps = 20'000'000;
constexpr std::uint32_t kTriesMax = 4000;
constexpr std::uint32_t kFruitlessTriesMax = 400;  // in a row

std::int64_t align_up(std::int64_t value) { return (value + kAlignment - 1) / kAlignment * kAlignment; }

// Two buffers that may not lie anywhere: offset of `other` minus that of the buffer must not be strictly
// between low and high.
struct Conflict {
  std::uint32_t other;
  std::int32_t low, high;
};

struct Range {
  std::int64_t begin, end;  // both allowed, what is between is not
};

class Placer {
 public:
  explicit Placer(const PlanProblem& problem)
      : buffers_(problem.buffers), conflicts_(problem.buffers.size()) {
    for (const PlanOverlap& allowed : problem.overlaps)
      overlaps_[{allowed.output, allowed.input}] = &allowed.overlap;
    for (std::uint32_t a = 0; a < buffers_.size(); ++a) {
      for (std::uint32_t b = a + 1; b < buffers_.size(); ++b) {
        if (buffers_[a].first <= buffers_[b].last && buffers_[b].first <= buffers_[a].last)
          add_conflict(a, b);
      }
    }
  }

  // Highest end when placed in this order; offsets() has the places.
  std::int64_t place(const std::vector<std::uint32_t>& order) {
    offsets_.assign(buffers_.size(), kUnplaced);
    std::int64_t end = 0;
    for (const std::uint32_t buffer : order) {
      offsets_[buffer] = lowest_place(buffer);
      end = std::max(end, offsets_[buffer] + buffers_[buffer].bytes);
    }
    return end;
  }

  [[nodiscard]] const std::vector<std::int64_t>& offsets() const { return offsets_; }

 private:
  static constexpr std::int64_t kUnplaced = -1;

  void add_conflict(std::uint32_t a, std::uint32_t b) {
    const std::int64_t size_a = buffers_[a].bytes;
    const std::int64_t size_b = buffers_[b].bytes;
    if (size_a == 0 || size_b == 0) return;
    Range forbidden{-size_b, size_a};  // of offset(b) - offset(a)
    if (const auto it = overlaps_.find({a, b}); it != overlaps_.end()) {
      forbidden = forbidden_distances(*it->second, size_a, size_b);
    } else if (const auto reversed = overlaps_.find({b, a}); reversed != overlaps_.end()) {
      const Range distances = forbidden_distances(*reversed->second, size_b, size_a);
      forbidden = {-distances.end, -distances.begin};
    }
    if (forbidden.begin >= forbidden.end) return;
    const auto low = static_cast<std::int32_t>(forbidden.begin);
    const auto high = static_cast<std::int32_t>(forbidden.end);
    conflicts_[a].push_back({b, low, high});
    conflicts_[b].push_back({a, -high, -low});
  }

  // Of start(input) - start(output).
  static Range forbidden_distances(const Overlap& overlap, std::int64_t output_size,
                                   std::int64_t input_size) {
    Range range{-input_size, output_size};  // apart
    if (overlap.ascending) range.end = std::min(range.end, *overlap.ascending);
    if (overlap.descending)
      range.begin = std::max(range.begin, output_size - input_size - *overlap.descending);
    return range;
  }

  std::int64_t lowest_place(std::uint32_t buffer) {
    forbidden_.clear();
    for (const Conflict& conflict : conflicts_[buffer]) {
      const std::int64_t other = offsets_[conflict.other];
      // low < other - place < high
      if (other != kUnplaced) forbidden_.push_back({other - conflict.high, other - conflict.low});
    }
    std::sort(forbidden_.begin(), forbidden_.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::int64_t place = 0;
    for (const Range& range : forbidden_) {
      if (range.begin < place && place < range.end) place = align_up(range.end);
    }
    return place;
  }

  const std::vector<PlanBuffer>& buffers_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, const Overlap*> overlaps_;  // by output and input
  std::vector<std::vector<Conflict>> conflicts_;
  std::vector<std::int64_t> offsets_;
  std::vector<Range> forbidden_;
};

// For each operator the bytes alive, and that minus what overlap could save there.
struct Bounds {
  std::uint32_t lower_bound = 0, max_live = 0;
};

// Bytes that input and output share at best.
std::int64_t largest_saving(const PlanProblem& problem, const PlanOverlap& allowed) {
  const std::int64_t input = problem.buffers[allowed.input].bytes;
  const std::int64_t output = problem.buffers[allowed.output].bytes;
  std::int64_t extent = input + output;
  for (const auto& distance : {allowed.overlap.ascending, allowed.overlap.descending}) {
    if (distance) extent = std::min(extent, std::max(output, std::max<std::int64_t>(*distance, 0) + input));
  }
  return input + output - extent;
}

Bounds bounds_of(const PlanProblem& problem) {
  std::int32_t steps = 0;
  for (const PlanBuffer& buffer : problem.buffers) steps = std::max(steps, buffer.last + 1);
  std::vector<std::int64_t> live(static_cast<std::size_t>(steps) + 2);  // differences, from step -1
  for (const PlanBuffer& buffer : problem.buffers) {
    live[static_cast<std::size_t>(buffer.first + 1)] += buffer.bytes;
    live[static_cast<std::size_t>(buffer.last + 2)] -= buffer.bytes;
  }
  std::partial_sum(live.begin(), live.end(), live.begin());
  std::vector<std::int64_t> saved(live.size());
  for (const PlanOverlap& allowed : problem.overlaps) {
    saved[static_cast<std::size_t>(problem.buffers[allowed.output].first + 1)] +=
        largest_saving(problem, allowed);
  }
  Bounds bounds;
  for (std::size_t i = 0; i < live.size(); ++i) {
    bounds.max_live = std::max(bounds.max_live, static_cast<std::uint32_t>(live[i]));
    bounds.lower_bound = std::max(bounds.lower_bound, static_cast<std::uint32_t>(live[i] - saved[i]));
  }
  return bounds;
}

using Order = std::vector<std::uint32_t>;

std::vector<Order> first_orders(const PlanProblem& problem) {
  const auto& buffers = problem.buffers;
  Order by_use(buffers.size());
  std::iota(by_use.begin(), by_use.end(), 0u);
  std::stable_sort(by_use.begin(), by_use.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return buffers[a].first < buffers[b].first; });
  Order by_size = by_use;
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return buffers[a].bytes > buffers[b].bytes; });
  const auto area = [&](std::uint32_t i) {
    return std::int64_t{buffers[i].bytes} * (buffers[i].last - buffers[i].first + 1);
  };
  Order by_area = by_use;
  std::stable_sort(by_area.begin(), by_area.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return area(a) > area(b); });
  std::vector<Order> orders{by_size, by_area, by_use};
  std::reverse(by_use.begin(), by_use.end());
  orders.push_back(by_use);
  return orders;
}

// Buffers of the operator with most bytes alive first, then those of the next.
Order busiest_first(const PlanProblem& problem) {
  const auto& buffers = problem.buffers;
  std::int32_t steps = 0;
  for (const PlanBuffer& buffer : buffers) steps = std::max(steps, buffer.last + 1);
  std::vector<std::int64_t> live(static_cast<std::size_t>(steps));
  for (const PlanBuffer& buffer : buffers) {
    for (std::int32_t step = std::max(buffer.first, 0); step <= buffer.last; ++step) {
      live[static_cast<std::size_t>(step)] += buffer.bytes;
    }
  }
  std::vector<std::int64_t> busiest(buffers.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    for (std::int32_t step = std::max(buffers[i].first, 0); step <= buffers[i].last; ++step) {
      busiest[i] = std::max(busiest[i], live[static_cast<std::size_t>(step)]);
    }
  }
  Order order(buffers.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return busiest[a] != busiest[b] ? busiest[a] > busiest[b] : buffers[a].bytes > buffers[b].bytes;
  });
  return order;
}

// Moves one buffer to another place in the order, again and again, keeping what is not worse.
void improve(Placer& placer, Order& order, std::int64_t& best, std::int64_t target) {
  const std::uint64_t cost = std::uint64_t{order.size()} * order.size() + 1;
  const auto tries = static_cast<std::uint32_t>(std::min<std::uint64_t>(kTriesMax, kSearchSteps / cost));
  std::mt19937 random(1);  // the same plan every time
  std::uint32_t fruitless = 0;
  for (std::uint32_t i = 0; i < tries && best > target && fruitless < kFruitlessTriesMax; ++i) {
    Order candidate = order;
    const auto from = random() % candidate.size();
    const auto to = random() % candidate.size();
    const std::uint32_t moved = candidate[from];
    candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(from));
    candidate.insert(candidate.begin() + static_cast<std::ptrdiff_t>(to), moved);
    const std::int64_t end = placer.place(candidate);
    fruitless = end < best ? 0 : fruitless + 1;
    if (end <= best) {
      best = end;
      order = std::move(candidate);
    }
  }
}

}  // namespace

bool is_descending(const Overlap& overlap, const PlanBuffer& input_buffer, std::uint32_t input,
                   const PlanBuffer& output_buffer, std::uint32_t output) {
  const std::int64_t start_distance = std::int64_t{input} - output;
  if (overlap.ascending && start_distance >= *overlap.ascending) return false;
  const std::int64_t end_distance =
      std::int64_t{output} + output_buffer.bytes - (std::int64_t{input} + input_buffer.bytes);
  return overlap.descending && end_distance >= *overlap.descending;
}

ArenaPlan plan_arena(const PlanProblem& problem) {
  const Bounds bounds = bounds_of(problem);
  Placer placer(problem);
  std::vector<Order> orders = first_orders(problem);
  orders.push_back(busiest_first(problem));
  Order best_order;
  std::int64_t best = INT64_MAX;
  for (const Order& order : orders) {
    const std::int64_t end = placer.place(order);
    if (end < best) {
      best = end;
      best_order = order;
    }
  }
  if (!best_order.empty()) improve(placer, best_order, best, bounds.lower_bound);
  best = placer.place(best_order);
  ArenaPlan plan;
  for (const std::int64_t offset : placer.offsets())
    plan.offsets.push_back(static_cast<std::uint32_t>(offset));
  plan.bytes = static_cast<std::uint32_t>(best);
  plan.lower_bound_bytes = bounds.lower_bound;
  plan.max_live_bytes = bounds.max_live;
  return plan;
}

}  // namespace sotto::model_compiler
