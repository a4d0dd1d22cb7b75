// When a task ends before its rounds are done: by one metric's mean over a round's examples.
#pragma once

#include <optional>
#include <string>

#include "sotto/proto/task.h"
#include "sotto/secagg/update.h"

namespace sotto::server {

// The metric's mean, as the stop rule reads it; nothing when the task names none, or nobody trained.
[[nodiscard]] std::optional<double> watched_mean(const proto::TaskSpec& spec, const secagg::MetricSums& sums);
// The better of both.
[[nodiscard]] std::optional<double> better(const proto::TaskSpec& spec, std::optional<double> best,
                                           std::optional<double> mean);
// Why a task whose best mean was `best` is complete after a round with this mean; empty: it goes on.
[[nodiscard]] std::string why_stop(const proto::TaskSpec& spec, std::optional<double> best,
                                   std::optional<double> mean);

}  // namespace sotto::server
