// The plan's canonical bytes, PROTOCOL.md section 2. Freestanding: boards link it.
#include "sotto/proto/plan.h"

#include "sotto/base/field_codec.h"

namespace sotto::proto {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'P', 'L', 'N'};
constexpr std::uint8_t kPlanVersion = 1;
constexpr std::size_t kHeadBytes = kMagic.size() + sizeof kPlanVersion;

FieldError check_head(ByteReader& reader) {
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  if (magic != kMagic) return rule_error("plan magic", "the bytes are not a plan");
  const std::uint8_t version = reader.u8();
  if (version != kPlanVersion) return whole_error("plan version", version, whole(kPlanVersion, kPlanVersion));
  return {};
}

}  // namespace

std::uint64_t ModelSpec::parameter_count() const {
  const std::uint64_t outputs = classes;
  if (architecture == Architecture::kSoftmax) return (std::uint64_t{features} + 1) * outputs;
  return (std::uint64_t{features} + 1) * hidden + (std::uint64_t{hidden} + 1) * outputs;
}

FieldError check_model(const ModelSpec& model) {
  if (const FieldError error = check_fields(model); !error.ok()) return error;
  // Only now: within the ranges above the product cannot overflow.
  const WholeRange range = whole(1, limits::kParametersMax);
  const std::uint64_t parameters = model.parameter_count();
  return range.contains(parameters) ? FieldError{} : whole_error("model parameters", parameters, range);
}

FieldError check_plan(const Plan& plan) {
  if (const FieldError error = check_fields(plan); !error.ok()) return error;
  if (const FieldError error = check_model(plan.model); !error.ok()) return error;
  if (plan.aggregation.kind != Aggregation::kOneShot && plan.helper_digest != crypto::Digest{}) {
    return rule_error("helper_digest", "must be zero when the aggregation is not one_shot");
  }
  return {};
}

std::size_t plan_bytes(const Plan& plan) { return kHeadBytes + encoded_bytes(plan); }

Bytes encode_plan(const Plan& plan, MutableBytes to) {
  ByteWriter writer(to);
  writer.bytes(kMagic);
  writer.u8(kPlanVersion);
  FieldWriter fields(writer);
  visit_fields(plan, fields);
  return writer.ok() ? Bytes(to).first(writer.written()) : Bytes();
}

FieldError decode_plan(Bytes bytes, Plan& plan) {
  ByteReader reader(bytes);
  if (const FieldError error = check_head(reader); !error.ok()) return error;
  plan = Plan{};
  FieldReader fields(reader);
  visit_fields(plan, fields);
  if (!fields.error().ok()) return fields.error();
  if (!reader.finished()) {
    const std::size_t size = plan_bytes(plan);
    return whole_error("plan bytes", bytes.size(), whole(size, size));
  }
  return check_plan(plan);
}

}  // namespace sotto::proto
