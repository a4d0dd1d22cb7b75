#include "sotto/proto/task.h"

#include <algorithm>

#include "sotto/base/field_status.h"

namespace sotto::proto {

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytesMax && name_characters(name);
}

namespace {

// What no single field's range says of the limits of influence.
FieldError check_limits(const TaskSpec& spec) {
  const auto above = [&](const secagg::Segment& segment) {
    return segment.clipped_lane && segment.clip > spec.clip_max;
  };
  const bool begins_above =
      spec.aggregation.clip > spec.clip_max || std::ranges::any_of(spec.model.segments, above);
  if (spec.clip_max > 0 && begins_above) {
    return rule_error("clip_max", "must be 0 or at least every clip that may follow the updates");
  }
  if (spec.metrics_max.size() > spec.model.metrics.size()) {
    return rule_error("metrics_max", "must have no more numbers than the model has metrics");
  }
  return {};
}

FieldError check_stop(const TaskSpec& spec) {
  if (spec.stop_metric.empty()) {
    const bool idle = spec.stop_at == 0 && spec.stop_on_fall == 0;
    return idle ? FieldError() : rule_error("stop_metric", "must name what stop_at and stop_on_fall are of");
  }
  const auto named = [&](const Metric& metric) { return metric.name.view() == spec.stop_metric; };
  if (!std::ranges::any_of(spec.model.metrics, named)) {
    return rule_error("stop_metric", "must be the name of one of the model's metrics");
  }
  return {};
}

}  // namespace

Status validate_task_spec(const TaskSpec& spec) {
  SOTTO_RETURN_IF_ERROR(to_status(check_fields(spec)));
  SOTTO_RETURN_IF_ERROR(to_status(check_model(spec.model)));
  SOTTO_RETURN_IF_ERROR(to_status(check_limits(spec)));
  return to_status(check_stop(spec));
}

}  // namespace sotto::proto
