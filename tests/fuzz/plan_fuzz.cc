// The plan decoder: what it accepts is in range and canonical.
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/secagg/ring.h"

namespace {

using namespace sotto;

proto::Plan valid_plan() {
  proto::Plan plan;
  plan.task = TaskId{7};
  plan.round = RoundId{3};
  plan.model = {.architecture = proto::Architecture::kDense, .features = 12, .classes = 4, .hidden = {9}};
  plan.model_digest.fill(0x5a);
  plan.report_within_ms = 1000;
  return plan;
}

// With entries in every list.
proto::Plan plan_of_segments() {
  proto::Plan plan = valid_plan();
  plan.model = {
      .architecture = proto::Architecture::kCustom, .parameters = 30, .name = "m", .configuration = "{}"};
  plan.model.segments = {{.length = 10, .clip = 0.5f, .clipped_lane = true},
                         {.length = 8, .weighting = secagg::Weighting::kOne},
                         {.length = 12,
                          .encoding = secagg::Encoding::kCount,
                          .count_bytes = 3,
                          .weighting = secagg::Weighting::kOne}};
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  std::vector<std::uint8_t> bytes;
  if (input.chance(128)) {
    bytes = input.rest();
  } else {
    bytes = proto::encode_plan(input.chance(128) ? plan_of_segments() : valid_plan());
    fuzz::mutate(input, bytes);
  }
  const auto plan = proto::decode_plan(bytes);
  if (!plan) {
    SOTTO_CHECK(!plan.error().message().empty());
    return 0;
  }
  SOTTO_CHECK(proto::validate_plan(*plan).ok());
  SOTTO_CHECK(proto::encode_plan(*plan) == bytes);
  // What both sides compute from an accepted plan has its bounds too.
  SOTTO_CHECK(plan->model.parameter_count() <= limits::kParametersMax);
  const secagg::UpdateLayout lanes = plan->update_layout();
  SOTTO_CHECK(lanes.valid() && lanes.value_count() == plan->model.parameter_count());
  const secagg::RingLayout layout(plan->aggregation.participants_max, lanes.lane_count());
  SOTTO_CHECK(layout.byte_count() <= limits::kUpdateBytesMax);
  return 0;
}
