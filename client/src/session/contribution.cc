#include "contribution.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "sotto/proto/float_message.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/sum_units.h"
#include "sotto/secagg/update.h"
#include "wiping.h"

namespace sotto::client {
namespace {

bool is_float(const proto::Plan& plan) { return plan.aggregation.kind == proto::Aggregation::kFloat; }

Status check_update(const proto::Plan& plan, const LocalUpdate& update) {
  if (update.delta.size() != plan.model.parameter_count()) {
    return invalid_argument(fmt::format("the trainer returned {} values for a model of {} parameters",
                                        update.delta.size(), plan.model.parameter_count()));
  }
  const auto wrong = std::find_if(update.delta.begin(), update.delta.end(),
                                  [](float value) { return !std::isfinite(value); });
  if (wrong != update.delta.end()) {
    return invalid_argument("the trainer's delta " + std::to_string(wrong - update.delta.begin()) +
                            " is not a finite number");
  }
  const LocalMetrics& metrics = update.metrics;
  if (metrics.examples == 0) return invalid_argument("the trainer reported 0 examples");
  if (metrics.weight != std::min(metrics.examples, plan.aggregation.weight_max)) {
    return invalid_argument(
        fmt::format("the trainer reported weight {} for {} examples; it must be the smaller of these and {}",
                    metrics.weight, metrics.examples, plan.aggregation.weight_max));
  }
  for (std::size_t i = 0; i < plan.model.metrics.size(); ++i) {
    if (std::isfinite(metrics.sums[i]) && metrics.sums[i] >= 0) continue;
    return invalid_argument("the trainer's " + std::string(plan.model.metrics[i].name.view()) +
                            " is negative or not a finite number");
  }
  return {};
}

// The sums that the task declares, in their units.
secagg::UpdateMetrics in_units(const proto::ModelSpec& model, const LocalMetrics& metrics) {
  secagg::UpdateMetrics units{.weight = metrics.weight, .examples = metrics.examples};
  for (std::size_t i = 0; i < model.metrics.size(); ++i) {
    const proto::Metric& metric = model.metrics[i];
    units.sums[i] = secagg::sum_units(metrics.sums[i], metric.scale, metric.bytes);
  }
  return units;
}

std::vector<std::uint8_t> encode_float_message(const proto::Plan& plan, const LocalUpdate& update) {
  const secagg::UpdateLayout layout = plan.update_layout();
  const secagg::UpdateMetrics metrics = in_units(plan.model, update.metrics);
  std::vector<std::uint8_t> message(proto::float_message_bytes(layout));
  ByteWriter writer(message);
  proto::write_float_head(writer, layout,
                          {.weight = metrics.weight, .examples = metrics.examples, .sums = metrics.sums});
  for (const float value : update.delta) writer.f32(value);
  return message;
}

// Entries of the memory of a secure session; none in others.
std::size_t participants_max(const proto::Plan& plan) {
  return plan.aggregation.kind == proto::Aggregation::kSecure ? plan.aggregation.participants_max : 0;
}

}  // namespace

Result<std::vector<std::uint8_t>> encode_update(const proto::Plan& plan, const LocalUpdate& update,
                                                Random& rounding) {
  SOTTO_RETURN_IF_ERROR(check_update(plan, update));
  if (is_float(plan)) return encode_float_message(plan, update);
  std::vector<std::uint8_t> lanes(proto::update_bytes(plan));
  secagg::UpdateMetrics metrics = in_units(plan.model, update.metrics);
  secagg::quantize_update(update.delta, plan.update_layout(), metrics, rounding, lanes);
  return lanes;
}

Contribution::Contribution(const proto::Plan& plan, Bytes plan_bytes, std::vector<std::uint8_t> update,
                           const proto::Parties& parties, Random& keys)
    : update_(std::move(update)),
      slots_(participants_max(plan) > 0 ? participants_max(plan) - 1 : 0),
      order_(participants_max(plan)),
      steps_(plan, plan_bytes, parties, {.slots = slots_, .order = order_}, keys) {}

Contribution::~Contribution() { wipe_values(update_); }

Rejection Contribution::join(std::vector<std::uint8_t>& payload) {
  payload.resize(steps_.message_bytes_max(proto::Step::kJoin));
  std::size_t written = 0;
  const Rejection rejection = steps_.join(update_, payload, written);
  payload.resize(written);
  return rejection;
}

Rejection Contribution::answer(const proto::NextStep& message, std::vector<std::uint8_t>& payload) {
  payload.resize(steps_.message_bytes_max(message.next));
  std::size_t written = 0;
  const Rejection rejection = steps_.next_step(message.next, message.payload, update_, payload, written);
  payload.resize(written);
  if (message.next != proto::Step::kCollect) return rejection;
  wipe_values(update_);  // it is sent or lost
  update_ = {};
  return rejection;
}

}  // namespace sotto::client
