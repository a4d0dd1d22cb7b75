#include "sotto/proto/messages.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "ranges.h"
#include "sotto/base/limits.h"

namespace sotto::proto {
namespace {

constexpr double kU32Max = 4'294'967'295.0;
constexpr double kDayMs = 86'400'000;

Status check_name(const char* field, std::string_view name) {
  if (valid_name(name)) return {};
  return invalid_argument(std::string(field) + " has " + std::to_string(name.size()) +
                          " bytes or a character outside the set: must be 1 .. " +
                          std::to_string(limits::kNameBytesMax) + " bytes of [A-Za-z0-9._-]");
}

// What the plan of this task's rounds would be, so that its fields are checked by the one table in plan.cc.
Plan plan_of(const TaskSpec& spec) {
  Plan plan;
  plan.round = RoundId{1};
  plan.model = spec.model;
  plan.training = spec.training;
  plan.aggregation = spec.aggregation;
  plan.report_within_ms = spec.report_within_ms;
  return plan;
}

}  // namespace

bool valid_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= limits::kNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

Status validate_task_spec(const TaskSpec& spec) {
  SOTTO_RETURN_IF_ERROR(check_name("name", spec.name));
  SOTTO_RETURN_IF_ERROR(check_name("population", spec.population));
  SOTTO_RETURN_IF_ERROR(validate_plan(plan_of(spec)));
  const double cohort_min = spec.aggregation.cohort_min;
  const double participants = spec.participants;
  const bool one_shot = spec.aggregation.kind == Aggregation::kOneShot;  // such a round has one cohort
  const Range ranges[] = {
      {"rounds", static_cast<double>(spec.rounds), 1, kU32Max},
      {"participants", participants, cohort_min,
       one_shot ? static_cast<double>(spec.cohort_max) : static_cast<double>(limits::kSessionsMax)},
      {"participants_min", static_cast<double>(spec.participants_min), cohort_min, participants},
      {"cohort_max", static_cast<double>(spec.cohort_max), cohort_min,
       static_cast<double>(spec.aggregation.participants_max)},
      {"over_selection", spec.over_selection, 1, 2},
      {"phase_deadline_ms", static_cast<double>(spec.phase_deadline_ms), 1, kDayMs},
      {"straggler_grace_ms", static_cast<double>(spec.straggler_grace_ms), 0,
       static_cast<double>(spec.phase_deadline_ms)},
      {"server_learning_rate", spec.server_learning_rate, 0, 100, Ends::kOpenBelow},
      {"server_momentum", spec.server_momentum, 0, 1, Ends::kOpenAbove},
  };
  return check_ranges(ranges);
}

const char* to_string(Architecture value) {
  switch (value) {
    case Architecture::kSoftmax:
      return "softmax";
    case Architecture::kDense:
      return "dense";
  }
  return "unknown";
}

const char* to_string(Aggregation value) {
  switch (value) {
    case Aggregation::kSecure:
      return "secure";
    case Aggregation::kPlain:
      return "plain";
    case Aggregation::kFloat:
      return "float";
    case Aggregation::kOneShot:
      return "one_shot";
  }
  return "unknown";
}

const char* to_string(Adversary value) {
  switch (value) {
    case Adversary::kCurious:
      return "curious";
    case Adversary::kSemiMalicious:
      return "semi-malicious";
  }
  return "unknown";
}

const char* to_string(crypto::Prg value) {
  switch (value) {
    case crypto::Prg::kChaCha20:
      return "chacha20";
    case crypto::Prg::kAes128Ctr:
      return "aes-128-ctr";
  }
  return "unknown";
}

const char* to_string(Packing value) {
  switch (value) {
    case Packing::kWords:
      return "words";
    case Packing::kBits:
      return "bits";
  }
  return "unknown";
}

const char* to_string(Step value) {
  switch (value) {
    case Step::kJoin:
      return "join";
    case Step::kShare:
      return "share";
    case Step::kCollect:
      return "collect";
    case Step::kConfirm:
      return "confirm";
    case Step::kUnmask:
      return "unmask";
  }
  return "unknown";
}

const char* to_string(TaskState value) {
  switch (value) {
    case TaskState::kActive:
      return "active";
    case TaskState::kPaused:
      return "paused";
    case TaskState::kComplete:
      return "complete";
  }
  return "unknown";
}

const char* to_string(RoundOutcome value) {
  switch (value) {
    case RoundOutcome::kCommitted:
      return "committed";
    case RoundOutcome::kAbandoned:
      return "abandoned";
  }
  return "unknown";
}

}  // namespace sotto::proto
