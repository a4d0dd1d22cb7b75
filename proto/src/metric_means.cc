#include "sotto/proto/messages.h"

namespace sotto::proto {

std::vector<MetricMean> metric_means(const MetricList& metrics, const secagg::MetricSums& sums) {
  std::vector<MetricMean> means;
  if (sums.examples == 0) return means;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::string name(metrics[i].name.view());
    const double sum = static_cast<double>(sums.sums[i]) / metrics[i].scale;
    means.push_back({name == "correct" ? "accuracy" : name, sum / static_cast<double>(sums.examples)});
  }
  return means;
}

}  // namespace sotto::proto
