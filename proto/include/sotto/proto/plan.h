// The plan: everything a device needs to know to train and to take part, as canonical bytes whose SHA-256
// both sides bind into every key (PROTOCOL.md "Plan"). A plan is fixed for one round.
//
// Each record stands beside its field table (base/fields.h). Bytes, protobuf, files, options, help and
// documents follow from the table: a new field is a member and a row. Freestanding; sentences and vectors for
// hosts are in plan_codec.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/fields.h"
#include "sotto/base/ids.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/enumerations.h"
#include "sotto/secagg/update.h"

namespace sotto::secagg {

template <RecordOf<Segment> Spec, typename Visitor>
constexpr void visit_fields(Spec& segment, Visitor&& visit) {
  visit(Field{.name = "length", .help = "parameters of the run", .required = true}, segment.length,
        whole(1, limits::kParametersMax));
  visit(Field{.name = "clip", .help = "of signed values; 0: the aggregation's"}, segment.clip,
        real(0, kLargestClip));
  visit(Field{.name = "encoding", .help = "how a value travels"}, segment.encoding);
  visit(Field{.name = "count_bytes", .help = "of each count"}, segment.count_bytes, whole(0, kCountBytesMax));
  visit(Field{.name = "weighting", .help = "what the mean over devices is weighted by"}, segment.weighting);
  visit(Field{.name = "clipped_lane",
              .help = "says whether a value of the run was clipped, so that the clip may follow"},
        segment.clipped_lane);
}

}  // namespace sotto::secagg

namespace sotto::proto {

inline constexpr std::uint64_t kU32Max = 0xffff'ffff;
// Seconds after 1970 of the last instant that a calendar of four digits knows.
inline constexpr std::uint64_t kUnixSecondsMax = 253'402'300'799;

inline constexpr std::size_t kHiddenLayersMax = 8;
inline constexpr std::size_t kConfigurationBytesMax = 768;
inline constexpr std::size_t kMetricNameBytesMax = 16;
inline constexpr std::size_t kInputUnitBytesMax = 32;
inline constexpr std::size_t kInputLabelsBytesMax = 512;
// Of a model's fields in a plan, so that every plan has at most limits::kPlanBytesMax.
inline constexpr std::size_t kModelSpecBytesMax = 1856;

// A sum that devices report beside their update: of a value over a device's examples, in whole units.
struct Metric {
  InlineText<kMetricNameBytesMax> name{};
  std::uint8_t bytes = 4;   // that a device's sum takes in the vector: it is at most 256^bytes - 1 units
  std::uint32_t scale = 1;  // units of one: 1024 counts in 1/1024
  friend bool operator==(const Metric&, const Metric&) = default;
};
using MetricList = InlineList<Metric, secagg::kSumsMax>;

template <RecordOf<Metric> Spec, typename Visitor>
constexpr void visit_fields(Spec& metric, Visitor&& visit) {
  visit(Field{.name = "name", .help = "what is summed over the examples", .required = true}, metric.name,
        name_of(1, kMetricNameBytesMax));
  visit(Field{.name = "bytes", .help = "of a device's sum: at most 256^bytes - 1 units"}, metric.bytes,
        whole(1, secagg::kSumBytesMax));
  visit(Field{.name = "scale", .help = "units of one; a sum is rounded down to whole units"}, metric.scale,
        whole(1, 1 << 20));
}

// How well the received model classifies: "correct", and "loss" in nats.
[[nodiscard]] constexpr MetricList classification_metrics() {
  MetricList metrics;
  static_cast<void>(metrics.push_back({.name = "correct", .bytes = 4, .scale = 1}));
  static_cast<void>(metrics.push_back({.name = "loss", .bytes = 6, .scale = 1024}));
  return metrics;
}

// What an example is, so that no device trains on another thing. An empty text is not compared.
struct InputSchema {
  InlineText<limits::kNameBytesMax> features{};
  InlineText<kInputUnitBytesMax> unit{};
  InlineText<kInputLabelsBytesMax> labels{};
  InlineText<limits::kNameBytesMax> front_end{};
  friend bool operator==(const InputSchema&, const InputSchema&) = default;
};

template <RecordOf<InputSchema> Spec, typename Visitor>
constexpr void visit_fields(Spec& input, Visitor&& visit) {
  constexpr const char* kGroup = "input";
  visit(Field{.name = "input_features",
              .group = kGroup,
              .key = "features",
              .help = "what an example's features are; devices that say otherwise do not take part"},
        input.features, printable_of(0, limits::kNameBytesMax));
  visit(Field{.name = "input_unit", .group = kGroup, .key = "unit", .help = "of the features; likewise"},
        input.unit, printable_of(0, kInputUnitBytesMax));
  visit(Field{.name = "input_labels",
              .group = kGroup,
              .key = "labels",
              .help = "names of the classes in their order, with commas between them; likewise"},
        input.labels, printable_of(0, kInputLabelsBytesMax));
  visit(Field{.name = "input_front_end",
              .group = kGroup,
              .key = "front_end",
              .help = "SHA-256 in hexadecimal of what makes features of a signal, or its name; likewise"},
        input.front_end, name_of(0, limits::kNameBytesMax));
}

// The global model is parameter_count() little-endian float32 values, row-major in the order that its
// architecture gives.
struct ModelSpec {
  Architecture architecture = Architecture::kSoftmax;
  std::uint32_t features = 0;
  std::uint32_t classes = 0;
  InlineList<std::uint32_t, kHiddenLayersMax> hidden{};  // kDense
  std::uint32_t parameters = 0;                          // kCustom
  InlineText<limits::kNameBytesMax> name{};              // kCustom
  InlineText<kConfigurationBytesMax> configuration{};
  // Empty: one over all parameters. A clip of 0 is the aggregation's.
  InlineList<secagg::Segment, secagg::kSegmentsMax> segments{};
  MetricList metrics = classification_metrics();
  InputSchema input{};

  [[nodiscard]] std::uint64_t parameter_count() const;
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

template <RecordOf<ModelSpec> Spec, typename Visitor>
constexpr void visit_fields(Spec& model, Visitor&& visit) {
  constexpr const char* kGroup = "model";
  const auto custom = [&model] { return model.architecture == Architecture::kCustom; };
  visit(Field{.name = "architecture", .group = kGroup, .help = "what is trained"}, model.architecture);
  visit(Field{.name = "features", .group = kGroup, .help = "inputs of an example", .required = !custom()},
        model.features,
        WholeRange{{custom() ? 0u : 1u}, {1 << 20}, Ends::kClosed, "1 .. 1048576; custom: 0 .. 1048576"});
  visit(Field{.name = "classes", .group = kGroup, .help = "outputs", .required = !custom()}, model.classes,
        WholeRange{{custom() ? 0u : 2u}, {256}, Ends::kClosed, "2 .. 256; custom: 0 .. 256"});
  visit(Field{.name = "hidden",
              .group = kGroup,
              .help = "units of each hidden layer of dense, from the input on"},
        model.hidden, whole(1, 65'536));
  visit(Field{.name = "parameters", .group = kGroup, .help = "of custom: how many values the model has"},
        model.parameters,
        WholeRange{{custom() ? 1u : 0u},
                   {custom() ? limits::kParametersMax : 0},
                   Ends::kClosed,
                   "custom: 1 .. 16777216; else 0"});
  visit(Field{.name = "model_name",
              .group = kGroup,
              .key = "name",
              .help = "of custom, and of it only: devices with a trainer of this name take part"},
        model.name, name_of(0, limits::kNameBytesMax));
  visit(Field{.name = "configuration",
              .group = kGroup,
              .help = "handed to the trainer as it is",
              .editable = true},
        model.configuration, printable_of(0, kConfigurationBytesMax));
  visit(Field{.name = "segments",
              .group = kGroup,
              .help = "runs of parameters with clips of their own, in order; none: one over all"},
        model.segments, whole(0, secagg::kSegmentsMax));
  visit(Field{.name = "metrics", .group = kGroup, .help = "sums over examples that devices report"},
        model.metrics, whole(0, secagg::kSumsMax));
  visit_fields(model.input, visit);
}

struct TrainingSpec {
  std::uint32_t local_epochs = 1;
  std::uint32_t batch_size = 32;
  float learning_rate = 0.01f;
  float momentum = 0;
  float proximal_mu = 0;
  friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

template <RecordOf<TrainingSpec> Spec, typename Visitor>
constexpr void visit_fields(Spec& training, Visitor&& visit) {
  constexpr const char* kGroup = "training";
  visit(Field{.name = "local_epochs",
              .group = kGroup,
              .help = "passes over a device's examples in a round",
              .editable = true},
        training.local_epochs, whole(1, 1000));
  visit(Field{.name = "batch_size", .group = kGroup, .help = "examples of a local step", .editable = true},
        training.batch_size, whole(1, 65'536));
  visit(Field{.name = "learning_rate", .group = kGroup, .help = "step of the devices' SGD", .editable = true},
        training.learning_rate, real(0, 100, Ends::kOpenBelow));
  visit(Field{.name = "momentum",
              .group = kGroup,
              .help = "part of the last step that SGD keeps",
              .editable = true},
        training.momentum, real(0, 1, Ends::kOpenAbove));
  // Li et al. 2020: adds mu * (w - w_global) to the gradient.
  visit(Field{.name = "proximal_mu",
              .group = kGroup,
              .help = "FedProx: pull towards the global model",
              .editable = true},
        training.proximal_mu, real(0, 100));
}

struct AggregationSpec {
  Aggregation kind = Aggregation::kSecure;
  Adversary adversary = Adversary::kSemiMalicious;
  crypto::Prg prg = crypto::Prg::kChaCha20;
  std::uint16_t cohort_min = 8;
  std::uint16_t participants_max = 257;
  float corrupt_fraction = 0.1f;  // gamma
  float dropout_fraction = 0.1f;  // delta
  float clip = 1.0f;              // quantiser, see secagg/update.h
  std::uint32_t weight_max = 1024;
  Packing packing = Packing::kWords;  // see secagg/ring.h
  std::uint16_t honest_min = 4;       // of any sum; see secagg/parameters.h
  friend bool operator==(const AggregationSpec&, const AggregationSpec&) = default;
};

// Whether its rounds take enrolled devices only, each of whom signs what it joins with.
[[nodiscard]] constexpr bool takes_enrolled_only(const AggregationSpec& aggregation) {
  return aggregation.kind == Aggregation::kOneShot ||
         (aggregation.kind == Aggregation::kSecure && aggregation.adversary == Adversary::kSemiMalicious);
}

// All but packing and honest_min, which stand elsewhere in a plan's bytes.
template <RecordOf<AggregationSpec> Spec, typename Visitor>
constexpr void visit_session_fields(Spec& aggregation, Visitor& visit) {
  constexpr const char* kGroup = "aggregation";
  const bool fixed_point = aggregation.kind == Aggregation::kFloat;
  visit(Field{.name = "aggregation", .group = kGroup, .key = "kind", .help = "how updates are summed"},
        aggregation.kind);
  visit(Field{.name = "adversary", .group = kGroup, .help = "what sessions withstand"},
        aggregation.adversary);
  visit(Field{.name = "prg", .group = kGroup, .help = "keystream of the masks"}, aggregation.prg);
  visit(Field{.name = "cohort_min", .group = kGroup, .help = "devices refuse smaller cohorts"},
        aggregation.cohort_min,
        whole({limits::kParticipantsMin}, {aggregation.participants_max, "participants_max"}));
  visit(Field{.name = "participants_max", .group = kGroup, .help = "sizes the ring; at least cohort_max"},
        aggregation.participants_max,
        WholeRange{{limits::kParticipantsMin},
                   {fixed_point ? limits::kFloatParticipantsMax : limits::kParticipantsMax},
                   Ends::kClosed,
                   "3 .. 10000; float: 3 .. 1024"});
  visit(Field{.name = "corrupt_fraction",
              .group = kGroup,
              .help = "of the cohort that may collude with the coordinator"},
        aggregation.corrupt_fraction, real(0, 0.5f, Ends::kOpenAbove));
  visit(Field{.name = "dropout_fraction",
              .group = kGroup,
              .help = "of the cohort that may vanish inside the session"},
        aggregation.dropout_fraction, real(0, 0.5f, Ends::kOpenAbove));
  visit(Field{.name = "clip", .group = kGroup, .help = "largest weighted coordinate of an update"},
        aggregation.clip, RealRange{{secagg::kSmallestClip}, {1e6f}, Ends::kClosed, "2^-64 .. 1000000"});
  visit(Field{.name = "weight_max", .group = kGroup, .help = "examples above this add no weight"},
        aggregation.weight_max, whole(1, 1 << 20));
}

template <RecordOf<AggregationSpec> Spec, typename Visitor>
constexpr void visit_later_fields(Spec& aggregation, Visitor& visit) {
  visit(Field{.name = "packing", .group = "aggregation", .help = "how vectors travel"}, aggregation.packing);
  visit(Field{.name = "honest_min",
              .group = "aggregation",
              .help = "honest members that any sum of a semi-malicious or one-shot session holds"},
        aggregation.honest_min, whole({2}, {aggregation.participants_max, "participants_max"}));
}

template <RecordOf<AggregationSpec> Spec, typename Visitor>
constexpr void visit_fields(Spec& aggregation, Visitor&& visit) {
  visit_session_fields(aggregation, visit);
  visit_later_fields(aggregation, visit);
}

// In plans and tasks.
template <typename Value, typename Visitor>
constexpr void visit_report_within(Value& report_within_ms, Visitor& visit) {
  visit(Field{.name = "report_within_ms",
              .unit = "ms",
              .help = "time to train, from a round's first plan",
              .editable = true},
        report_within_ms, whole(1, kU32Max));
}

struct Plan {
  TaskId task;
  RoundId round;
  std::uint64_t issued_at = 0;  // when the plan was signed, in seconds after 1970; see plan_facts.h
  std::uint64_t not_after = 0;  // when it ends, whatever came of its round
  ModelVersion model_version;
  crypto::Digest model_digest{};
  ModelSpec model;
  TrainingSpec training;
  AggregationSpec aggregation;
  std::uint32_t report_within_ms = 0;     // a device that is not READY by then need not come back this round
  crypto::Digest helper_digest{};         // zero unless kOneShot
  crypto::Digest second_helper_digest{};  // zero unless kOneShot, and when there is one helper

  // The mask helpers of a one-shot session: 1 or 2.
  [[nodiscard]] std::size_t helper_count() const {
    return second_helper_digest == crypto::Digest{} ? std::size_t{1} : std::size_t{2};
  }
  // What the lanes of an update mean. Requires a valid plan.
  [[nodiscard]] secagg::UpdateLayout update_layout() const;
  friend bool operator==(const Plan&, const Plan&) = default;
};

// In the order of the bytes, after magic and version.
template <RecordOf<Plan> Spec, typename Visitor>
constexpr void visit_fields(Spec& plan, Visitor&& visit) {
  visit(Field{.name = "task", .help = "the task's number at the coordinator"}, plan.task);
  visit(Field{.name = "round",
              .help = "epoch (24 bits) and counter (40 bits); no number is used twice in a task"},
        plan.round, whole(1, UINT64_MAX));
  visit(Field{.name = "issued_at", .unit = "s", .help = "when the plan was signed, after 1970"},
        plan.issued_at, whole(0, kUnixSecondsMax));
  visit(Field{.name = "not_after", .unit = "s", .help = "when the plan ends, after 1970"}, plan.not_after,
        whole({plan.issued_at, "issued_at"}, {kUnixSecondsMax}));
  visit(Field{.name = "model_version", .help = "counts from 0 within a task"}, plan.model_version);
  visit(Field{.name = "model_digest", .help = "H(model): SHA-256 of the model's bytes"}, plan.model_digest);
  visit_fields(plan.model, visit);
  visit_fields(plan.training, visit);
  visit_session_fields(plan.aggregation, visit);
  visit_report_within(plan.report_within_ms, visit);
  visit_later_fields(plan.aggregation, visit);
  if (plan.aggregation.kind == Aggregation::kOneShot) {
    visit(Field{.name = "helper_digest", .help = "one_shot only: SHA-256 of the helper's X25519 public key"},
          plan.helper_digest);
    visit(Field{.name = "second_helper_digest",
                .help = "one_shot only: of the second helper's; zeros: there is one"},
          plan.second_helper_digest);
  }
}

// ---- canonical bytes ----

[[nodiscard]] std::size_t plan_bytes(const Plan& plan);
// The plan's bytes, a prefix of `to`; empty when they do not fit. limits::kPlanBytesMax always suffices.
[[nodiscard]] Bytes encode_plan(const Plan& plan, MutableBytes to);
// Sets `plan` to a plan whose every field is in range, or says why not; `plan` is then unspecified.
[[nodiscard]] FieldError decode_plan(Bytes bytes, Plan& plan);

// Every range, and what no single field's range says.
[[nodiscard]] FieldError check_plan(const Plan& plan);
// Of a model alone: used when a task is created.
[[nodiscard]] FieldError check_model(const ModelSpec& model);

}  // namespace sotto::proto
