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
#include "sotto/proto/enumerations.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/protocol_version.h"
#include "sotto/proto/task.h"
#include "sotto/secagg/identity.h"

namespace sotto::proto {

// "Come back no sooner than delay_min_ms and no later than delay_max_ms from now": the device draws uniformly
// between.
struct RetryWindow {
  std::uint32_t delay_min_ms = 0;
  std::uint32_t delay_max_ms = 0;
  std::string reason;  // what the coordinator waits for, for logs and people
  friend bool operator==(const RetryWindow&, const RetryWindow&) = default;
};

// A device's signature for a check-in: of secagg::check_in_statement().
struct CheckInProof {
  std::vector<std::uint8_t> challenge;  // as it came
  TaskId task;
  secagg::Credential credential;
  friend bool operator==(const CheckInProof&, const CheckInProof&) = default;
};

struct CheckInRequest {
  std::uint32_t protocol_version = kProtocolVersion;
  std::string device_id;                     // 1 .. 64 bytes of [A-Za-z0-9._-]
  std::string population;                    // which fleet the device belongs to; tasks name one
  std::vector<Architecture> trainers;        // what it can train
  std::uint64_t parameters_max = 0;          // the largest model it can hold
  std::vector<std::string> custom_models{};  // names of the custom models it can train
  std::uint32_t bulletin_edition = 0;        // of its authority's newest bulletin that it knows; 0: none
  // Who the device is, for tasks of enrolled devices. A pass spares it the signature while it lasts.
  bool enrolled = false;  // it can sign, when it is asked to
  std::vector<std::uint8_t> pass{};
  std::optional<CheckInProof> proof{};
  friend bool operator==(const CheckInRequest&, const CheckInRequest&) = default;
};

struct PlanOffer {
  SessionToken token;
  std::vector<std::uint8_t> plan;  // encode_plan(); its SHA-256 is bound into the session
  // The coordinator's, over secagg::plan_statement(plan); nothing from a coordinator without an authority.
  std::optional<secagg::Credential> credential{};
  std::vector<std::uint8_t> bulletin{};  // of the authority, when the device knows an older one; else empty
  // Shown in later check-ins instead of a signature, for some hours. Whoever has it can take the device's
  // place in a round, but not join in its name. Empty unless the check-in was signed.
  std::vector<std::uint8_t> pass{};
  // The round's secagg::CheckKey, when it is one-shot and has two helpers; else empty. All its devices have
  // it, helpers must not.
  std::vector<std::uint8_t> check_key{};
};
// There is a place for an enrolled device in this task: check in once more within a minute, with a signature.
struct Challenge {
  std::vector<std::uint8_t> challenge;
  TaskId task;
  crypto::Digest coordinator{};  // whose identity the signature is for
};
using CheckInReply = std::variant<PlanOffer, RetryWindow, Challenge>;
inline constexpr std::size_t kPassBytesMax = 128;

// Model bytes are fetched by version in chunks of at most limits::kModelChunkBytes; a broken download goes on
// at `offset`.
struct FetchModelRequest {
  SessionToken token{};  // of the session whose plan names the model; zero on the administration socket
  TaskId task;
  ModelVersion version;
  std::uint64_t offset = 0;
};
struct ModelChunk {
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  std::vector<std::uint8_t> bytes;
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

// What a device's ledger says about a plan that it does not let the device follow.
struct LedgerReport {
  LedgerRefusal refusal = LedgerRefusal::kStopped;
  std::uint64_t until_s = 0;  // kPeriodSpent: when the device is free again, after 1970; 0: nobody knows
  RoundId last_round{};       // kRoundUsed: the last that it has joined
  friend bool operator==(const LedgerReport&, const LedgerReport&) = default;
};

// The device leaves its session (battery, user, shutdown). Answered with an empty message. Unknown tokens are
// ignored.
struct AbandonRequest {
  SessionToken token;
  std::string reason;
  std::optional<LedgerReport> ledger{};
  bool plan_refused = false;  // by its owner's rules, which hold for the task's next plans, too
};

// ---- signed updates of boards' models (PROTOCOL.md section 12) ----

// A device's signature: of secagg::update_statement().
struct UpdateProof {
  std::vector<std::uint8_t> challenge;  // as it came
  secagg::Credential credential;
  friend bool operator==(const UpdateProof&, const UpdateProof&) = default;
};

// "Is there a newer model than mine?" Names are those of manifests, by valid_name().
struct OfferUpdateRequest {
  std::uint32_t protocol_version = kProtocolVersion;
  std::string device_id;
  std::string task;
  std::string device_class;
  std::uint64_t sequence = 0;  // the highest that the device ever took
  // As in a check-in.
  bool enrolled = false;
  std::vector<std::uint8_t> pass{};
  std::optional<UpdateProof> proof{};
  friend bool operator==(const OfferUpdateRequest&, const OfferUpdateRequest&) = default;
};
struct UpdateOffer {
  std::vector<std::uint8_t> manifest;  // 1 .. limits::kUpdateManifestBytesMax bytes, signed by the owner
  std::vector<std::uint8_t> pass{};    // for the calls of the next hours; after a signed one only
  friend bool operator==(const UpdateOffer&, const UpdateOffer&) = default;
};
// Nothing newer for this device now: ask again after the window.
struct NoUpdate {
  RetryWindow window;
  friend bool operator==(const NoUpdate&, const NoUpdate&) = default;
};
// Ask once more within a minute, with a signature.
struct UpdateChallenge {
  std::vector<std::uint8_t> challenge;
  crypto::Digest coordinator{};  // whose identity the signature is for
  friend bool operator==(const UpdateChallenge&, const UpdateChallenge&) = default;
};
using OfferUpdateReply = std::variant<UpdateOffer, NoUpdate, UpdateChallenge>;

// Bytes of what an offered manifest is of; answered with a ModelChunk.
struct FetchUpdateRequest {
  std::string device_id;
  std::string task;
  std::string device_class;
  std::uint64_t sequence = 0;  // of the update
  std::uint64_t offset = 0;
  std::uint32_t bytes_max = 0;  // 1 .. limits::kUpdateChunkBytes
  std::vector<std::uint8_t> pass{};
  friend bool operator==(const FetchUpdateRequest&, const FetchUpdateRequest&) = default;
};

// ---- coordinator and helper of one-shot sessions ----

// The sum of a set's masks: a ring vector of the plan's layout, in words. Of a plan with two helpers the sum
// of the masks' 64-bit words (secagg/checked_mask.h).
struct MaskSum {
  std::vector<std::uint8_t> ring;
  friend bool operator==(const MaskSum&, const MaskSum&) = default;
};
struct HelperRefusal {
  enum class Kind : std::uint8_t {
    kFinal,        // the helper will not answer this request, however often it is repeated
    kNotYet,       // by its clock the plan is of a time to come: it is worth asking again
    kBeforeStart,  // the plan was signed before the helper started: another round is worth while
  };
  std::string reason;                   // a sentence
  std::vector<std::uint16_t> at_fault;  // the places in the request of the masks that are to blame
  Kind kind = Kind::kFinal;
  friend bool operator==(const HelperRefusal&, const HelperRefusal&) = default;
};
using HelperReply = std::variant<MaskSum, HelperRefusal>;

// ---- administration ----

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

// Of a round whose task declares `metrics`: each metric's mean over examples, in its own unit; nothing when
// no example was trained on. What a classification counts as correct is its accuracy.
struct MetricMean {
  std::string name;
  double value = 0;
  friend bool operator==(const MetricMean&, const MetricMean&) = default;
};
[[nodiscard]] std::vector<MetricMean> metric_means(const MetricList& metrics, const secagg::MetricSums& sums);

struct ModelRecord {
  TaskId task;
  ModelVersion version;
  crypto::Digest digest{};
  std::uint64_t bytes = 0;
  std::int64_t committed_ms = 0;
  std::string note{};  // where it comes from, when that is not a round
};

// What an operator does to a task that there is. The last version's number grows by one; its bytes are those
// of `version`, and rounds that are open come to nothing.
struct RollBackModel {
  ModelVersion version;
  friend bool operator==(const RollBackModel&, const RollBackModel&) = default;
};
// Rounds whose outcome is not decided end, and their devices are told.
struct AbortRounds {
  friend bool operator==(const AbortRounds&, const AbortRounds&) = default;
};
// Its rounds and models go; its number is never given again. An active task goes only by force.
struct DeleteTask {
  bool force = false;
  friend bool operator==(const DeleteTask&, const DeleteTask&) = default;
};
// From the next round on. `fields`: a JSON object of those that change, as decode_task_spec() takes them.
struct EditTask {
  std::string fields;
  friend bool operator==(const EditTask&, const EditTask&) = default;
};
using TaskAct = std::variant<RollBackModel, AbortRounds, DeleteTask, EditTask>;
inline constexpr std::size_t kEditBytesMax = 16'384;

struct SteerTaskRequest {
  std::string task;
  std::string reason;  // the operator's, for the record: printable, at most limits::kReasonBytesMax
  TaskAct act;
  friend bool operator==(const SteerTaskRequest&, const SteerTaskRequest&) = default;
};

// What an operator brings: a signed manifest, and an uploaded image of that SHA-256.
struct PublishUpdateRequest {
  std::vector<std::uint8_t> manifest;
  crypto::Digest content{};
  crypto::Es256PublicKey owner{};  // whose signature the manifest has
  std::uint32_t share = 1000;      // thousandths of the boards that are offered it
  std::string reason{};            // the operator's, for the record
  friend bool operator==(const PublishUpdateRequest&, const PublishUpdateRequest&) = default;
};
struct ShareUpdateRequest {
  std::string task;
  std::string device_class;
  std::uint32_t share = 0;  // 0: withdrawn
  std::string reason{};
  friend bool operator==(const ShareUpdateRequest&, const ShareUpdateRequest&) = default;
};
struct UpdateStatus {
  std::string task;
  std::string device_class;
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;  // of the content
  crypto::Digest digest{};
  std::uint64_t expires_at = 0;  // seconds after 1970; 0: never
  std::uint32_t share = 0;
  std::uint32_t self_tests = 0;
  crypto::Digest owner{};  // SHA-256 of the key that signed
  friend bool operator==(const UpdateStatus&, const UpdateStatus&) = default;
};

// A device as the coordinator remembers it: since its start, and its ban from before.
struct DeviceStatus {
  std::string id;  // what it calls itself
  std::optional<crypto::Digest> identity{};
  std::string peer{};
  std::int64_t last_seen_ms = 0;  // 0: not since the start
  DeviceState state = DeviceState::kAway;
  std::string task{};  // of its session, and so are these
  RoundId round{};
  ModelVersion version{};
  DeviceOutcome last_outcome = DeviceOutcome::kNone;
  // Of its last failure, in its own words when it gave any; empty once it has done well again.
  std::string reason{};
  std::uint64_t failures = 0;
  std::uint32_t failures_in_a_row = 0;
  std::int64_t plan_from_ms = 0;  // it is given no plan before; 0: at once
  std::uint32_t clones = 0;       // how often another device was seen to go by its identity or id
  bool banned = false;
  std::string ban_reason{};
  std::int64_t banned_ms = 0;
  std::string kept_from{};  // tasks that have no plan for it, and why
  friend bool operator==(const DeviceStatus&, const DeviceStatus&) = default;
};

struct ListDevicesRequest {
  std::string device{};  // an id, or the first 8 digits or more of an identity in hexadecimal; empty: all
  std::uint32_t count_max = 1000;
};
struct BanDeviceRequest {
  std::string device;  // an id, or an identity in hexadecimal
  std::string reason{};
  bool lift = false;
};

// Devices by number. One may be counted in several places.
struct FleetStatus {
  std::uint64_t known = 0;  // remembered since the start
  std::uint64_t seen_in_minute = 0;
  std::uint64_t seen_in_hour = 0;
  std::uint64_t seen_in_day = 0;
  std::uint64_t in_rounds = 0;
  std::uint64_t failing = 0;    // their last session failed
  std::uint64_t held_back = 0;  // ... again and again: they are given no plan for a while
  std::uint64_t banned = 0;
  std::uint64_t spent = 0;  // their ledgers let no vector leave, summed over tasks
  friend bool operator==(const FleetStatus&, const FleetStatus&) = default;
};

}  // namespace sotto::proto
