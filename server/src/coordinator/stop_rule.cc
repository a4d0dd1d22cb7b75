#include "coordinator/stop_rule.h"

#include <fmt/core.h>

#include <algorithm>

namespace sotto::server {

std::optional<double> watched_mean(const proto::TaskSpec& spec, const secagg::MetricSums& sums) {
  if (spec.stop_metric.empty() || sums.examples == 0) return std::nullopt;
  for (std::size_t i = 0; i < spec.model.metrics.size(); ++i) {
    const proto::Metric& metric = spec.model.metrics[i];
    if (metric.name.view() != spec.stop_metric) continue;
    return static_cast<double>(sums.sums[i]) / metric.scale / static_cast<double>(sums.examples);
  }
  return std::nullopt;
}

std::optional<double> better(const proto::TaskSpec& spec, std::optional<double> best,
                             std::optional<double> mean) {
  if (!best || !mean) return best ? best : mean;
  return spec.stop_larger_is_better ? std::max(*best, *mean) : std::min(*best, *mean);
}

std::string why_stop(const proto::TaskSpec& spec, std::optional<double> best, std::optional<double> mean) {
  if (!mean) return {};
  const double sign = spec.stop_larger_is_better ? 1 : -1;
  // The task's numbers are floats: 0.9f is a hair below 0.9.
  constexpr double kSlack = 1e-6;
  const double target = spec.stop_at;
  if (spec.stop_at > 0 && sign * (*mean - target) >= -kSlack * target) {
    return fmt::format("{} is {:.4g}, as good as stop.at = {:.4g}", spec.stop_metric, *mean, target);
  }
  const double fall = best ? sign * (*best - *mean) : 0;
  const double most = spec.stop_on_fall;
  if (spec.stop_on_fall > 0 && fall >= most * (1 - kSlack)) {
    return fmt::format("{} is {:.4g}, worse than the best, {:.4g}, by stop.on_fall = {:.4g}",
                       spec.stop_metric, *mean, *best, most);
  }
  return {};
}

}  // namespace sotto::server
