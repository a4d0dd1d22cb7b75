// Messages between a device and the coordinator as plain values. Cores use these; the gRPC shells convert
// them at the edge (convert.h), an in-process transport passes them as they are. Secure-session payloads are
// opaque bytes here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/base/result.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/identity.h"

namespace sotto::proto {

inline constexpr std::uint32_t kProtocolVersion = 1;

// "Come back no sooner than delay_min_ms and no later than delay_max_ms from now": the device draws uniformly
// between.
struct RetryWindow {
  std::uint32_t delay_min_ms = 0;
  std::uint32_t delay_max_ms = 0;
  std::string reason;  // what the coordinator waits for, for logs and people
  friend bool operator==(const RetryWindow&, const RetryWindow&) = default;
};

struct CheckInRequest {
  std::uint32_t protocol_version = kProtocolVersion;
  std::string device_id;               // 1 .. 64 bytes of [A-Za-z0-9._-]
  std::string population;              // which fleet the device belongs to; tasks name one
  std::vector<Architecture> trainers;  // what it can train
  std::uint64_t parameters_max = 0;    // the largest model it can hold
  friend bool operator==(const CheckInRequest&, const CheckInRequest&) = default;
};

struct PlanOffer {
  SessionToken token;
  std::vector<std::uint8_t> plan;  // encode_plan(); its SHA-256 is bound into the session
  // The coordinator's, over secagg::plan_statement(plan); nothing from a coordinator without an authority.
  std::optional<secagg::Credential> credential{};
};
using CheckInReply = std::variant<PlanOffer, RetryWindow>;

// Model bytes are fetched by version in chunks of at most limits::kModelChunkBytes; a broken download goes on
// at `offset`.
struct FetchModelRequest {
  TaskId task;
  ModelVersion version;
  std::uint64_t offset = 0;
};
struct ModelChunk {
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  std::vector<std::uint8_t> bytes;
};

// The steps of a session in order. Plain and float sessions have kJoin and kCollect only; kConfirm is in
// semi-malicious sessions only.
enum class Step : std::uint8_t {
  kJoin = 1,     // READY: update trained. Payload: join message (secure) or empty
  kShare = 2,    // payload: shares message
  kCollect = 3,  // payload: the (masked) vector
  kConfirm = 4,  // payload: signature of who survived
  kUnmask = 5,   // payload: unmask answer
};

// Submits a step's payload, or with `poll` asks again for the answer to a step already submitted.
struct ExchangeRequest {
  SessionToken token;
  Step step = Step::kJoin;
  bool poll = false;
  std::vector<std::uint8_t> payload;
  // kJoin only: SHA-256 of the plan the device trained by, so that a stale one is refused before it costs a
  // cohort.
  std::optional<crypto::Digest> plan_digest{};
};

// The session goes on: `payload` is what the device needs for `next`.
//   next == kShare: roster; kCollect: share delivery (secure) or empty; kConfirm: confirm request; kUnmask:
//   unmask request.
struct NextStep {
  Step next = Step::kShare;
  std::vector<std::uint8_t> payload;
};
// Nothing yet: ask again (poll) after the window.
struct KeepWaiting {
  RetryWindow window;
};
// The session is over for this device.
struct SessionEnd {
  bool counted = false;  // the device's update is in the committed or still forming sum
  std::string outcome;   // a sentence
  RetryWindow window;    // when to check in again
};
// The device did something the coordinator refuses.
struct Refused {
  Rejection reason = Rejection::kMalformed;
  RetryWindow window;
};
using ExchangeReply = std::variant<NextStep, KeepWaiting, SessionEnd, Refused>;

// The device leaves its session (battery, user, shutdown). Answered with an empty message. Unknown tokens are
// ignored.
struct AbandonRequest {
  SessionToken token;
  std::string reason;
};

// ---- coordinator and helper of one-shot sessions ----

// The sum of a set's masks: a ring vector of the plan's layout, in words.
struct MaskSum {
  std::vector<std::uint8_t> ring;
  friend bool operator==(const MaskSum&, const MaskSum&) = default;
};
// The helper will not answer this request, however often it is repeated.
struct HelperRefusal {
  std::string reason;                   // a sentence
  std::vector<std::uint16_t> at_fault;  // the places in the request of the masks that are to blame
  friend bool operator==(const HelperRefusal&, const HelperRefusal&) = default;
};
using HelperReply = std::variant<MaskSum, HelperRefusal>;

// ---- administration ----

// What an operator asks for. Names: 1 .. 64 bytes of [A-Za-z0-9._-].
struct TaskSpec {
  std::string name;
  std::string population;
  ModelSpec model;
  TrainingSpec training;
  AggregationSpec aggregation;
  std::uint32_t rounds = 1;            // committed rounds after which the task is complete
  std::uint32_t participants = 3;      // devices per round (K); split into cohorts of at most cohort_max
  std::uint32_t participants_min = 3;  // a round with fewer summed devices is abandoned
  std::uint16_t cohort_max = 256;      // <= aggregation.participants_max
  float over_selection = 1.0f;         // plans given = ceil(participants * over_selection), 1.0 .. 2.0
  std::uint32_t report_within_ms = 600'000;  // training: from the first plan of a round until READY
  std::uint32_t phase_deadline_ms = 30'000;  // each step after the join
  // > 0: once all but dropout_fraction answered, wait only this much longer.
  std::uint32_t straggler_grace_ms = 0;
  float server_learning_rate = 1.0f;
  float server_momentum = 0;
  bool adaptive_clip = true;     // aggregation.clip follows the clipped fraction (Andrew et al. 2021)
  std::uint64_t model_seed = 0;  // initial weights of kDense
  friend bool operator==(const TaskSpec&, const TaskSpec&) = default;
};
// kInvalidArgument names the field, its value and the allowed range.
[[nodiscard]] Status validate_task_spec(const TaskSpec& spec);
[[nodiscard]] bool valid_name(std::string_view name);

enum class TaskState : std::uint8_t { kActive = 1, kPaused = 2, kComplete = 3 };

struct TaskStatus {
  TaskId id;
  TaskSpec spec;
  TaskState state = TaskState::kActive;
  ModelVersion model_version;  // last committed
  std::uint32_t rounds_committed = 0;
  std::uint32_t rounds_abandoned = 0;
  std::string waiting_for;            // what the task waits for now, one sentence
  std::int64_t waiting_until_ms = 0;  // until when; 0: no deadline
};

enum class RoundOutcome : std::uint8_t { kCommitted = 1, kAbandoned = 2 };

// One finished round. Counts are sums over its cohorts.
struct RoundRecord {
  TaskId task;
  RoundId round;
  RoundOutcome outcome = RoundOutcome::kCommitted;
  std::string reason;  // why abandoned; empty when committed
  ModelVersion base_version;
  ModelVersion committed_version;  // == base_version when abandoned
  std::int64_t started_ms = 0;
  std::int64_t finished_ms = 0;
  std::uint32_t cohorts = 0;
  std::uint32_t plans_given = 0;
  std::uint32_t joined = 0;
  std::uint32_t shared = 0;
  std::uint32_t collected = 0;     // vectors in the sum
  std::uint32_t confirmed = 0;     // signed who survived; 0 without that step
  std::uint32_t unmasked = 0;      // answered the unmask request
  std::uint64_t uplink_bytes = 0;  // session payload bytes received
  secagg::MetricSums metrics;
  float clip = 0;  // the plan's
  friend bool operator==(const RoundRecord&, const RoundRecord&) = default;
};

struct ModelRecord {
  TaskId task;
  ModelVersion version;
  crypto::Digest digest{};
  std::uint64_t bytes = 0;
  std::int64_t committed_ms = 0;
};

[[nodiscard]] const char* to_string(Architecture value);
[[nodiscard]] const char* to_string(Aggregation value);
[[nodiscard]] const char* to_string(Adversary value);
[[nodiscard]] const char* to_string(crypto::Prg value);
[[nodiscard]] const char* to_string(Packing value);
[[nodiscard]] const char* to_string(Step value);
[[nodiscard]] const char* to_string(TaskState value);
[[nodiscard]] const char* to_string(RoundOutcome value);

}  // namespace sotto::proto
