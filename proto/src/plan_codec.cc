#include "sotto/proto/plan_codec.h"

#include <algorithm>

#include "sotto/base/field_status.h"

namespace sotto::proto {

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

Status validate_model(const ModelSpec& model) { return to_status(check_model(model)); }

}  // namespace sotto::proto
