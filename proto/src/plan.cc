// The plan's canonical bytes, PROTOCOL.md section 2. Freestanding: boards link it.
#include "sotto/proto/plan.h"

#include "sotto/base/check.h"
#include "sotto/base/field_codec.h"
#include "sotto/secagg/parameters.h"

namespace sotto::proto {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'P', 'L', 'N'};
constexpr std::uint8_t kPlanVersion = 2;
constexpr std::size_t kHeadBytes = kMagic.size() + sizeof kPlanVersion;

FieldError check_head(ByteReader& reader) {
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  if (magic != kMagic) return rule_error("plan magic", "the bytes are not a plan");
  const std::uint8_t version = reader.u8();
  if (version != kPlanVersion) return whole_error("plan version", version, whole(kPlanVersion, kPlanVersion));
  return {};
}

// Lanes of the model's values.
std::uint64_t value_lanes(const ModelSpec& model) {
  if (model.segments.empty()) return model.parameter_count();
  std::uint64_t lanes = 0;
  for (const secagg::Segment& segment : model.segments) {
    lanes += std::uint64_t{segment.length} * segment.lanes_per_value();
  }
  return lanes;
}

// What the lanes of a segment must be like; ranges are checked.
FieldError check_segment(const secagg::Segment& segment) {
  secagg::Segment resolved = segment;
  const bool count = segment.encoding == secagg::Encoding::kCount;
  if (!count && segment.clip == 0) resolved.clip = 1;  // the aggregation's, which is checked there
  if (resolved.valid()) return {};
  return rule_error("segments", count ? "a count has count_bytes of 1 to 4, weighting one and no clip"
                                      : "a signed run has no count_bytes, and a clip of 0 or at least 2^-64");
}

FieldError check_segments(const ModelSpec& model) {
  std::uint64_t length = 0;
  for (const secagg::Segment& segment : model.segments) {
    if (const FieldError error = check_segment(segment); !error.ok()) return error;
    length += segment.length;
  }
  if (model.segments.empty()) return {};
  const std::uint64_t parameters = model.parameter_count();
  if (length != parameters) {
    return whole_error("the sum of the segments' lengths", length, whole(parameters, parameters));
  }
  const WholeRange range = whole(1, limits::kParametersMax);
  const std::uint64_t lanes = value_lanes(model);
  return range.contains(lanes) ? FieldError{} : whole_error("lanes of the segments", lanes, range);
}

FieldError check_metrics(const ModelSpec& model) {
  for (std::size_t i = 0; i < model.metrics.size(); ++i) {
    const std::string_view name = model.metrics[i].name.view();
    for (const std::string_view taken : {"count", "weight", "examples", "clipped"}) {
      if (name == taken) return rule_error("metrics", "count, weight, examples and clipped are always there");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (name == model.metrics[j].name.view())
        return rule_error("metrics", "every metric has a name of its own");
    }
  }
  return {};
}

// One name for each class, none of them empty.
FieldError check_labels(const ModelSpec& model) {
  const std::string_view labels = model.input.labels.view();
  if (labels.empty()) return {};
  std::uint64_t names = 1;
  char before = ',';
  for (const char c : labels) {
    if (c == ',' && before == ',')
      return rule_error("input_labels", "a class has no name between its commas");
    if (c == ',') ++names;
    before = c;
  }
  if (before == ',') return rule_error("input_labels", "must not end with a comma");
  if (model.classes == 0 || names == model.classes) return {};
  return length_error("input_labels", "names", names, whole(model.classes, model.classes));
}

FieldError check_helpers(const Plan& plan) {
  if (plan.aggregation.kind != Aggregation::kOneShot) {
    if (plan.helper_digest != crypto::Digest{}) {
      return rule_error("helper_digest", "must be zero when the aggregation is not one_shot");
    }
    if (plan.second_helper_digest != crypto::Digest{}) {
      return rule_error("second_helper_digest", "must be zero when the aggregation is not one_shot");
    }
    return {};
  }
  if (plan.helper_count() == 1) return {};
  if (plan.second_helper_digest == plan.helper_digest) {
    return rule_error("second_helper_digest", "must be another than helper_digest: two keys of two parties");
  }
  const WholeRange range = whole(1, limits::kTwoHelperLanesMax);
  const std::uint64_t lanes = value_lanes(plan.model);
  return range.contains(lanes) ? FieldError{} : whole_error("lanes for two helpers", lanes, range);
}

// Of a one-shot cohort, whose sum holds all of it.
std::uint32_t honest_least(const AggregationSpec& aggregation) {
  const std::uint32_t smallest = aggregation.cohort_min;
  return smallest - secagg::corrupt_heads(aggregation.corrupt_fraction, smallest);
}

}  // namespace

std::uint64_t ModelSpec::parameter_count() const {
  if (architecture == Architecture::kCustom) return parameters;
  std::uint64_t count = 0;
  std::uint64_t inputs = features;
  for (const std::uint64_t units : hidden) {
    count += (inputs + 1) * units;
    inputs = units;
  }
  return count + (inputs + 1) * classes;
}

FieldError check_model(const ModelSpec& model) {
  if (const FieldError error = check_fields(model); !error.ok()) return error;
  const bool dense = model.architecture == Architecture::kDense;
  if (dense == model.hidden.empty()) {
    return rule_error("hidden",
                      dense ? "dense has at least one hidden layer" : "only dense has hidden layers");
  }
  const bool custom = model.architecture == Architecture::kCustom;
  if (custom == model.name.empty()) {
    return rule_error("model_name", custom ? "custom models have a name" : "only custom models have a name");
  }
  // Only now: within the ranges above the product cannot overflow.
  const WholeRange range = whole(1, limits::kParametersMax);
  const std::uint64_t parameters = model.parameter_count();
  if (!range.contains(parameters)) return whole_error("model parameters", parameters, range);
  if (const FieldError error = check_segments(model); !error.ok()) return error;
  if (const FieldError error = check_metrics(model); !error.ok()) return error;
  if (const FieldError error = check_labels(model); !error.ok()) return error;
  const WholeRange size = whole(1, kModelSpecBytesMax);
  const std::uint64_t bytes = encoded_bytes(model);
  return size.contains(bytes) ? FieldError{} : length_error("model", "bytes of all its fields", bytes, size);
}

secagg::UpdateLayout Plan::update_layout() const {
  secagg::UpdateLayout layout;
  layout.weight_max = aggregation.weight_max;
  for (const Metric& metric : model.metrics) SOTTO_CHECK(layout.sum_bytes.push_back(metric.bytes));
  layout.segments = model.segments;
  if (layout.segments.empty()) {
    SOTTO_CHECK(layout.segments.push_back({.length = static_cast<std::uint32_t>(model.parameter_count())}));
  }
  for (secagg::Segment& segment : layout.segments) {
    if (segment.encoding == secagg::Encoding::kSigned && segment.clip == 0) segment.clip = aggregation.clip;
  }
  return layout;
}

FieldError check_plan(const Plan& plan) {
  if (const FieldError error = check_fields(plan); !error.ok()) return error;
  if (const FieldError error = check_model(plan.model); !error.ok()) return error;
  if (const FieldError error = check_helpers(plan); !error.ok()) return error;
  if (plan.aggregation.kind == Aggregation::kOneShot &&
      honest_least(plan.aggregation) < plan.aggregation.honest_min) {
    return rule_error("honest_min", "must be at most the honest members of the smallest one_shot cohort");
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
