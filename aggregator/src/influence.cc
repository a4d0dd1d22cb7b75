#include "sotto/aggregator/influence.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "impossible.h"
#include "sotto/base/check.h"

namespace sotto::aggregator {
namespace {

// From the clip to either side, in steps of the quantiser.
constexpr std::int64_t kStepsMax = 127;

// What some cohorts of honest devices could have made, and the operator says that this fleet does not.
Status beyond(const std::string& what) {
  return aborted(what + ": a participant may have sent something else than an update; nothing was applied");
}

// As people read it: "0.25", "1e+30".
std::string number(double value) { return fmt::format("{:.6g}", value); }

bool is_count(const secagg::Segment& segment) { return segment.encoding == secagg::Encoding::kCount; }

Status check_weights(const CohortSum& sum) {
  const std::uint64_t devices = sum.devices;
  const std::uint64_t most = devices * sum.weight_max;
  if (sum.metrics.weight < devices) {
    return impossible(
        fmt::format("the weights sum to {}, at least {} is possible", sum.metrics.weight, devices));
  }
  if (sum.metrics.weight > most) {
    return impossible(fmt::format("the weights sum to {}, at most {} is possible", sum.metrics.weight, most));
  }
  if (sum.metrics.examples < devices) {
    return impossible(fmt::format("there are {} examples of {} devices", sum.metrics.examples, devices));
  }
  return {};
}

Status check_clipped(const CohortSum& sum) {
  const auto too_many = [&](const SumSegment& segment) { return segment.clipped > sum.devices; };
  const bool segment = std::ranges::any_of(sum.segments, too_many);
  if (sum.metrics.clipped <= sum.devices && !segment) return {};
  const std::uint64_t clipped =
      segment ? std::ranges::find_if(sum.segments, too_many)->clipped : sum.metrics.clipped;
  return impossible(fmt::format("{} devices clipped, more than the {} that took part", clipped, sum.devices));
}

Status check_metrics(const proto::ModelSpec& model, const CohortSum& sum) {
  for (std::size_t i = 0; i < model.metrics.size(); ++i) {
    const proto::Metric& metric = model.metrics[i];
    const std::uint64_t units = sum.metrics.sums[i];
    const std::uint64_t most = sum.devices * secagg::largest_of_bytes(metric.bytes);
    if (units > most) {
      return impossible(
          fmt::format("the sum of {} is {} units, at most {} are possible", metric.name.view(), units, most));
    }
    if (metric.name.view() == "correct" && units > sum.metrics.examples * metric.scale) {
      return impossible(fmt::format("{} examples are correct of {}",
                                    number(static_cast<double>(units) / metric.scale), sum.metrics.examples));
    }
  }
  return {};
}

// The values of signed segments within their clips, so that the norm of the mean, before weights are taken
// out of it, is at most the root of the sum over segments of clip^2 * length; those of counts within their
// bytes.
Status check_values(const secagg::UpdateLayout& layout, const CohortSum& sum) {
  const std::int64_t devices = sum.devices;
  std::span<const std::int64_t> rest(sum.sum);
  for (const secagg::Segment& segment : layout.segments) {
    const std::span<const std::int64_t> values = rest.first(segment.length);
    rest = rest.subspan(segment.length);
    const bool count = is_count(segment);
    const std::int64_t most =
        devices *
        (count ? static_cast<std::int64_t>(secagg::largest_of_bytes(segment.count_bytes)) : kStepsMax);
    const std::int64_t least = count ? 0 : -most;
    const auto wrong =
        std::ranges::find_if(values, [&](std::int64_t value) { return value < least || value > most; });
    if (wrong == values.end()) continue;
    return impossible(
        fmt::format("the values of a parameter sum to {} steps, {} to {} are possible", *wrong, least, most));
  }
  return {};
}

Status check_means(const proto::ModelSpec& model, const InfluenceLimits& limits, const CohortSum& sum) {
  const std::size_t limited = std::min(limits.metrics_max.size(), model.metrics.size());
  for (std::size_t i = 0; i < limited; ++i) {
    const double most = limits.metrics_max[i];
    const double units = static_cast<double>(sum.metrics.sums[i]);
    const double examples = static_cast<double>(sum.metrics.examples);
    const double mean = units / model.metrics[i].scale / examples;
    if (most == 0 || mean <= most) continue;
    return beyond(fmt::format("the mean of {} is {}, the task's metrics_max allows {}",
                              model.metrics[i].name.view(), number(mean), number(most)));
  }
  return {};
}

}  // namespace

double update_norm(const proto::Plan& plan, const CohortSum& sum) {
  if (sum.metrics.weight == 0 || sum.devices == 0) return 0;
  const secagg::UpdateLayout layout = plan.update_layout();
  double squares = 0;
  std::span<const std::int64_t> rest(sum.sum);
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    const std::span<const std::int64_t> values = rest.first(layout.segments[i].length);
    rest = rest.subspan(values.size());
    if (is_count(layout.segments[i])) continue;
    double steps = 0;
    for (const std::int64_t value : values) steps += static_cast<double>(value) * static_cast<double>(value);
    const double step = sum.step_of_mean(sum.segments[i]);
    squares += steps * step * step;
  }
  return std::sqrt(squares);
}

Status check_possible(const proto::Plan& plan, const CohortSum& sum) {
  const secagg::UpdateLayout layout = plan.update_layout();
  SOTTO_CHECK(sum.sum.size() == layout.value_count() && sum.segments.size() == layout.segments.size());
  SOTTO_RETURN_IF_ERROR(check_weights(sum));
  SOTTO_RETURN_IF_ERROR(check_clipped(sum));
  SOTTO_RETURN_IF_ERROR(check_metrics(plan.model, sum));
  return plan.aggregation.kind == proto::Aggregation::kFloat ? Status() : check_values(layout, sum);
}

Result<double> check_influence(const proto::Plan& plan, const InfluenceLimits& limits, const CohortSum& sum) {
  SOTTO_RETURN_IF_ERROR(check_possible(plan, sum));
  SOTTO_RETURN_IF_ERROR(check_means(plan.model, limits, sum));
  const double norm = update_norm(plan, sum);
  const double most = limits.update_norm_max;
  if (most == 0 || norm <= most) return norm;
  return beyond(fmt::format("the mean update has the norm {}, the task's update_norm_max allows {}",
                            number(norm), number(most)));
}

}  // namespace sotto::aggregator
