// A task: what an operator asks for, beside its field table (see plan.h), and how far it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sotto/base/ids.h"
#include "sotto/base/status.h"
#include "sotto/proto/enumerations.h"
#include "sotto/proto/plan.h"

namespace sotto::proto {

struct TaskSpec {
  std::string name;
  std::string population;
  ModelSpec model;
  TrainingSpec training;
  AggregationSpec aggregation;
  std::uint32_t rounds = 1;
  std::uint32_t participants = 10;
  std::uint32_t participants_min = 8;
  std::uint16_t cohort_max = 256;
  float over_selection = 1.0f;
  float patience = 2.0f;
  std::uint32_t report_within_ms = 600'000;
  std::uint32_t phase_deadline_ms = 30'000;
  std::uint32_t straggler_grace_ms = 0;
  std::uint32_t keep_versions = 50;
  std::uint32_t keep_every = 0;
  float server_learning_rate = 1.0f;
  float server_momentum = 0;
  std::uint32_t share = 1;
  bool adaptive_clip = true;  // Andrew et al. 2021
  // What one hostile device can move a round by is bounded by these (aggregator/influence.h).
  float clip_max = 0;
  float update_norm_max = 0;
  InlineList<std::uint32_t, secagg::kSumsMax> metrics_max{};
  std::uint64_t model_seed = 0;
  // When it ends before its rounds are done: by a metric's mean over a round.
  std::string stop_metric;  // a name of model.metrics; empty: by its rounds alone
  bool stop_larger_is_better = true;
  float stop_at = 0;       // 0: never
  float stop_on_fall = 0;  // worse than the best by so much; 0: never
  friend bool operator==(const TaskSpec&, const TaskSpec&) = default;
};

template <RecordOf<TaskSpec> Spec, typename Visitor>
constexpr void visit_round_fields(Spec& task, Visitor& visit) {
  constexpr std::uint64_t kDayMs = 86'400'000;
  const std::uint16_t cohort_min = task.aggregation.cohort_min;
  const bool one_cohort = task.aggregation.kind == Aggregation::kOneShot;
  visit(
      Field{.name = "rounds", .help = "committed rounds after which the task is complete", .editable = true},
      task.rounds, whole(1, kU32Max));
  visit(Field{.name = "participants", .help = "devices of a round", .editable = true}, task.participants,
        WholeRange{{cohort_min, "cohort_min"},
                   {one_cohort ? task.cohort_max : limits::kSessionsMax},
                   Ends::kClosed,
                   "cohort_min .. 200000; one_shot: cohort_min .. cohort_max"});
  visit(Field{.name = "participants_min",
              .help = "a round with fewer devices in the sum is abandoned",
              .editable = true},
        task.participants_min, whole({cohort_min, "cohort_min"}, {task.participants, "participants"}));
  visit(Field{.name = "cohort_max", .help = "larger rounds are split into several cohorts", .editable = true},
        task.cohort_max,
        whole({cohort_min, "cohort_min"}, {task.aggregation.participants_max, "participants_max"}));
  visit(Field{.name = "over_selection",
              .help = "plans given = participants * this, rounded up",
              .editable = true},
        task.over_selection, real(1, 2));
  visit(
      Field{.name = "patience",
            .help = "once participants_min are READY, wait this many times as long as most devices take; 0: "
                    "until report_within_ms",
            .editable = true},
      task.patience, real(0, 100));
  visit(Field{.name = "share",
              .help = "of the devices that several tasks of a population want, its part",
              .editable = true},
        task.share, whole(1, 100));
  visit_report_within(task.report_within_ms, visit);
  visit(Field{.name = "phase_deadline_ms",
              .unit = "ms",
              .help = "for each step after the join",
              .editable = true},
        task.phase_deadline_ms, whole(1, kDayMs));
  visit(
      Field{.name = "straggler_grace_ms",
            .unit = "ms",
            .help = "once all but dropout_fraction answered, wait only this much longer; 0: to the deadline",
            .editable = true},
      task.straggler_grace_ms, whole({0}, {task.phase_deadline_ms, "phase_deadline_ms"}));
  visit(Field{.name = "keep_versions",
              .help = "newest model versions that are kept, at least 17 of them; 0: all"},
        task.keep_versions, whole(0, kU32Max));
  visit(Field{.name = "keep_every", .help = "every so-manieth version is kept beside them; 0: none"},
        task.keep_every, whole(0, kU32Max));
}

template <RecordOf<TaskSpec> Spec, typename Visitor>
constexpr void visit_stop_fields(Spec& task, Visitor& visit) {
  constexpr const char* kGroup = "stop";
  visit(Field{.name = "stop_metric",
              .group = kGroup,
              .key = "metric",
              .help = "the metric whose mean over a round's examples ends the task; none: rounds alone do",
              .editable = true},
        task.stop_metric, name_of(0, kMetricNameBytesMax));
  visit(Field{.name = "stop_larger_is_better",
              .group = kGroup,
              .key = "larger_is_better",
              .help = "as of correct; false: smaller is, as of loss",
              .editable = true},
        task.stop_larger_is_better);
  visit(Field{.name = "stop_at",
              .group = kGroup,
              .key = "at",
              .help = "the task is complete when the mean is as good as this; 0: never",
              .editable = true},
        task.stop_at, real(0, 1e6f));
  visit(Field{.name = "stop_on_fall",
              .group = kGroup,
              .key = "on_fall",
              .help = "... or when it is worse than the best so far by as much as this; 0: never",
              .editable = true},
        task.stop_on_fall, real(0, 1e6f));
}

template <RecordOf<TaskSpec> Spec, typename Visitor>
constexpr void visit_fields(Spec& task, Visitor&& visit) {
  visit(Field{.name = "name", .help = "unique at the coordinator", .required = true}, task.name,
        name_of(1, limits::kNameBytesMax));
  visit(Field{.name = "population",
              .help = "devices that check in with this population may take part",
              .required = true},
        task.population, name_of(1, limits::kNameBytesMax));
  visit_round_fields(task, visit);
  visit(Field{.name = "model_seed", .group = "model", .key = "seed", .help = "initial weights of dense"},
        task.model_seed);
  visit(Field{.name = "metrics_max",
              .group = "model",
              .help = "largest mean of each metric, in their order; a round above is refused; 0: any",
              .editable = true},
        task.metrics_max, whole(0, kU32Max));
  visit_fields(task.model, visit);
  visit_fields(task.training, visit);
  visit_fields(task.aggregation, visit);
  visit(Field{.name = "adaptive_clip",
              .group = "aggregation",
              .help = "let the clip follow the updates",
              .editable = true},
        task.adaptive_clip);
  visit(Field{.name = "clip_max",
              .group = "aggregation",
              .help = "where a clip that follows the updates stops; 0: at 16 times what it begins with",
              .editable = true},
        task.clip_max, real(0, 1e6f));
  visit(Field{.name = "server_learning_rate",
              .group = "server",
              .key = "learning_rate",
              .help = "step of the model along the mean update",
              .editable = true},
        task.server_learning_rate, real(0, 100, Ends::kOpenBelow));
  visit(Field{.name = "server_momentum",
              .group = "server",
              .key = "momentum",
              .help = "part of the last step that the model keeps",
              .editable = true},
        task.server_momentum, real(0, 1, Ends::kOpenAbove));
  visit(Field{.name = "update_norm_max",
              .group = "server",
              .help = "largest norm of a cohort's mean update; one above is refused; 0: any",
              .editable = true},
        task.update_norm_max, real(0, 1e6f));
  visit_stop_fields(task, visit);
}

// kInvalidArgument names the field, its value and the allowed range.
[[nodiscard]] Status validate_task_spec(const TaskSpec& spec);
// Of devices, populations and tasks: 1 .. 64 bytes of [A-Za-z0-9._-].
[[nodiscard]] bool valid_name(std::string_view name);

struct TaskStatus {
  TaskId id;
  TaskSpec spec;
  TaskState state = TaskState::kActive;
  ModelVersion model_version;  // last committed
  std::uint32_t rounds_committed = 0;
  std::uint32_t rounds_abandoned = 0;
  std::string waiting_for;            // what the task waits for now, one sentence
  std::int64_t waiting_until_ms = 0;  // until when; 0: no deadline
  // Devices that said that their ledgers let nothing leave for the task, and when the first of them is free
  // again; 0: when there is a newer model, when their owners allow more, or nobody knows.
  std::uint32_t spent_devices = 0;
  std::int64_t spent_until_ms = 0;
};

}  // namespace sotto::proto
