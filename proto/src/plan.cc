// The plan's canonical bytes and ranges, PROTOCOL.md section 2.
#include "sotto/proto/plan.h"

#include <array>
#include <string>

#include "ranges.h"
#include "sotto/base/limits.h"

namespace sotto::proto {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'P', 'L', 'N'};
constexpr std::uint8_t kPlanVersion = 1;
constexpr std::size_t kPlanBytes = 122;
constexpr std::size_t kOneShotPlanBytes = kPlanBytes + sizeof(crypto::Digest);
static_assert(kOneShotPlanBytes <= limits::kPlanBytesMax);

constexpr double kFeaturesMax = 1 << 20;
constexpr double kClassesMax = 256;
constexpr double kHiddenMax = 65'536;
constexpr double kU32Max = 4'294'967'295.0;

Status validate_training(const TrainingSpec& training) {
  const Range ranges[] = {
      {"local_epochs", static_cast<double>(training.local_epochs), 1, 1000},
      {"batch_size", static_cast<double>(training.batch_size), 1, 65'536},
      {"learning_rate", training.learning_rate, 0, 100, Ends::kOpenBelow},
      {"momentum", training.momentum, 0, 1, Ends::kOpenAbove},
      {"proximal_mu", training.proximal_mu, 0, 100},
  };
  return check_ranges(ranges);
}

std::size_t plan_bytes(const AggregationSpec& aggregation) {
  return aggregation.kind == Aggregation::kOneShot ? kOneShotPlanBytes : kPlanBytes;
}

Status validate_aggregation(const AggregationSpec& aggregation) {
  const double participants_max = aggregation.participants_max;
  const std::size_t participants_limit =
      aggregation.kind == Aggregation::kFloat ? limits::kFloatParticipantsMax : limits::kParticipantsMax;
  const Range ranges[] = {
      {"aggregation", static_cast<double>(aggregation.kind), 1, 4},
      {"adversary", static_cast<double>(aggregation.adversary), 1, 2},
      {"prg", static_cast<double>(aggregation.prg), 1, 2},
      {"participants_max", participants_max, limits::kParticipantsMin,
       static_cast<double>(participants_limit)},
      {"cohort_min", static_cast<double>(aggregation.cohort_min), limits::kParticipantsMin, participants_max},
      {"corrupt_fraction", aggregation.corrupt_fraction, 0, 0.5, Ends::kOpenAbove},
      {"dropout_fraction", aggregation.dropout_fraction, 0, 0.5, Ends::kOpenAbove},
      {"clip", aggregation.clip, secagg::kSmallestClip, 1e6},
      {"weight_max", static_cast<double>(aggregation.weight_max), 1, 1 << 20},
      {"packing", static_cast<double>(aggregation.packing), 1, 2},
  };
  return check_ranges(ranges);
}

Status check_size(Bytes bytes, std::size_t expected) {
  const double only = static_cast<double>(expected);
  const Range size[] = {{"plan bytes", static_cast<double>(bytes.size()), only, only}};
  return check_ranges(size);
}

void read_model(ByteReader& reader, ModelSpec& model) {
  model.architecture = static_cast<Architecture>(reader.u8());
  model.features = reader.u32();
  model.classes = reader.u32();
  model.hidden = reader.u32();
}

void read_training(ByteReader& reader, TrainingSpec& training) {
  training.local_epochs = reader.u32();
  training.batch_size = reader.u32();
  training.learning_rate = reader.f32();
  training.momentum = reader.f32();
  training.proximal_mu = reader.f32();
}

void read_aggregation(ByteReader& reader, AggregationSpec& aggregation) {
  aggregation.kind = static_cast<Aggregation>(reader.u8());
  aggregation.adversary = static_cast<Adversary>(reader.u8());
  aggregation.prg = static_cast<crypto::Prg>(reader.u8());
  aggregation.cohort_min = reader.u16();
  aggregation.participants_max = reader.u16();
  aggregation.corrupt_fraction = reader.f32();
  aggregation.dropout_fraction = reader.f32();
  aggregation.clip = reader.f32();
  aggregation.weight_max = reader.u32();
}

}  // namespace

std::uint64_t ModelSpec::parameter_count() const {
  const std::uint64_t outputs = classes;
  if (architecture == Architecture::kSoftmax) return (std::uint64_t{features} + 1) * outputs;
  return (std::uint64_t{features} + 1) * hidden + (std::uint64_t{hidden} + 1) * outputs;
}

Status validate_model(const ModelSpec& model) {
  const bool dense = model.architecture == Architecture::kDense;
  const Range ranges[] = {
      {"architecture", static_cast<double>(model.architecture), 1, 2},
      {"features", static_cast<double>(model.features), 1, kFeaturesMax},
      {"classes", static_cast<double>(model.classes), 2, kClassesMax},
      {"hidden", static_cast<double>(model.hidden), dense ? 1.0 : 0.0, dense ? kHiddenMax : 0.0},
  };
  SOTTO_RETURN_IF_ERROR(check_ranges(ranges));
  // Only now: within the ranges above the product cannot overflow.
  const Range count[] = {
      {"model parameters", static_cast<double>(model.parameter_count()), 1, limits::kParametersMax}};
  return check_ranges(count);
}

Status validate_plan(const Plan& plan) {
  const Range ranges[] = {
      {"round", static_cast<double>(plan.round.value), 1, static_cast<double>(UINT64_MAX)},
      {"report_within_ms", static_cast<double>(plan.report_within_ms), 1, kU32Max},
  };
  SOTTO_RETURN_IF_ERROR(check_ranges(ranges));
  SOTTO_RETURN_IF_ERROR(validate_model(plan.model));
  SOTTO_RETURN_IF_ERROR(validate_training(plan.training));
  SOTTO_RETURN_IF_ERROR(validate_aggregation(plan.aggregation));
  if (plan.aggregation.kind != Aggregation::kOneShot && plan.helper_digest != crypto::Digest{}) {
    return invalid_argument("helper_digest: must be zero when the aggregation is not one_shot");
  }
  return {};
}

std::vector<std::uint8_t> encode_plan(const Plan& plan) {
  std::vector<std::uint8_t> bytes(plan_bytes(plan.aggregation));
  ByteWriter writer(bytes);
  writer.bytes(kMagic);
  writer.u8(kPlanVersion);
  writer.u64(plan.task.value);
  writer.u64(plan.round.value);
  writer.u64(plan.model_version.value);
  writer.bytes(plan.model_digest);
  writer.u8(static_cast<std::uint8_t>(plan.model.architecture));
  writer.u32(plan.model.features);
  writer.u32(plan.model.classes);
  writer.u32(plan.model.hidden);
  writer.u32(plan.training.local_epochs);
  writer.u32(plan.training.batch_size);
  writer.f32(plan.training.learning_rate);
  writer.f32(plan.training.momentum);
  writer.f32(plan.training.proximal_mu);
  writer.u8(static_cast<std::uint8_t>(plan.aggregation.kind));
  writer.u8(static_cast<std::uint8_t>(plan.aggregation.adversary));
  writer.u8(static_cast<std::uint8_t>(plan.aggregation.prg));
  writer.u16(plan.aggregation.cohort_min);
  writer.u16(plan.aggregation.participants_max);
  writer.f32(plan.aggregation.corrupt_fraction);
  writer.f32(plan.aggregation.dropout_fraction);
  writer.f32(plan.aggregation.clip);
  writer.u32(plan.aggregation.weight_max);
  writer.u32(plan.report_within_ms);
  writer.u8(static_cast<std::uint8_t>(plan.aggregation.packing));
  if (plan.aggregation.kind == Aggregation::kOneShot) writer.bytes(plan.helper_digest);
  SOTTO_CHECK(writer.ok() && writer.written() == bytes.size());
  return bytes;
}

Result<Plan> decode_plan(Bytes bytes) {
  const bool longer = bytes.size() == kOneShotPlanBytes;
  if (!longer) SOTTO_RETURN_IF_ERROR(check_size(bytes, kPlanBytes));
  ByteReader reader(bytes);
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  if (magic != kMagic) return invalid_argument("plan magic: the bytes are not a plan");
  const Range version[] = {{"plan version", static_cast<double>(reader.u8()), kPlanVersion, kPlanVersion}};
  SOTTO_RETURN_IF_ERROR(check_ranges(version));
  Plan plan;
  plan.task.value = reader.u64();
  plan.round.value = reader.u64();
  plan.model_version.value = reader.u64();
  reader.copy(plan.model_digest);
  read_model(reader, plan.model);
  read_training(reader, plan.training);
  read_aggregation(reader, plan.aggregation);
  plan.report_within_ms = reader.u32();
  plan.aggregation.packing = static_cast<Packing>(reader.u8());
  SOTTO_RETURN_IF_ERROR(check_size(bytes, plan_bytes(plan.aggregation)));
  if (longer) reader.copy(plan.helper_digest);
  SOTTO_CHECK(reader.finished());
  SOTTO_RETURN_IF_ERROR(validate_plan(plan));
  return plan;
}

}  // namespace sotto::proto
