#include "sotto/proto/plan_codec.h"

#include <algorithm>
#include <string>

#include "sotto/base/field_status.h"
#include "sotto/host/utc_text.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::proto {
namespace {

std::string utc(std::uint64_t unix_s) { return host::utc_time_of_seconds(unix_s); }

}  // namespace

std::vector<std::uint8_t> encode_plan(const Plan& plan) {
  std::vector<std::uint8_t> bytes(plan_bytes(plan));
  SOTTO_CHECK(encode_plan(plan, bytes).size() == bytes.size());
  return bytes;
}

Result<Plan> decode_plan(Bytes bytes) {
  Plan plan;
  SOTTO_RETURN_IF_ERROR(to_status(decode_plan(bytes, plan)));
  return plan;
}

Status validate_plan(const Plan& plan) { return to_status(check_plan(plan)); }

Status check_encoding(const Plan& plan, Bytes plan_bytes) {
  const std::vector<std::uint8_t> canonical = encode_plan(plan);
  if (std::equal(canonical.begin(), canonical.end(), plan_bytes.begin(), plan_bytes.end())) return {};
  return invalid_argument("plan_bytes: must be the encoding of the plan");
}

Status check_plan_age(const Plan& plan, Time now) {
  const std::uint64_t now_s = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ms, 0)) / 1000;
  switch (age_of(plan, now_s)) {
    case PlanAge::kCurrent:
      break;
    case PlanAge::kExpired:
      return failed_precondition("the plan ended at " + utc(plan.not_after) + ", it is " + utc(now_s) +
                                 " here: an old plan, or a clock that is ahead");
    case PlanAge::kFuture:
      return failed_precondition("the plan was signed at " + utc(plan.issued_at) + ", it is " + utc(now_s) +
                                 " here: set the clocks of coordinator and device");
    case PlanAge::kTooLong:
      return failed_precondition("the plan holds from " + utc(plan.issued_at) + " to " + utc(plan.not_after) +
                                 ": no plan may hold for more than " +
                                 std::to_string(kPlanLifetimeMaxS / 86'400) + " days");
  }
  return {};
}

Status validate_model(const ModelSpec& model) { return to_status(check_model(model)); }

}  // namespace sotto::proto
