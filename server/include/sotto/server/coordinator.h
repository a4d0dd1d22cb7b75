// The coordinator: tasks, rounds, sessions. A core without I/O: step(event, now) -> actions. It never reads a
// clock, starts no thread, and knows no transport; its store and its cohorts are reached by actions and
// answer by events (store_messages.h, cohort_messages.h). One thread owns it.
//
//            check-in: eligible?        READY devices           deadlines everywhere
//   device --CheckIn--> [selecting] --PlanOffer--> trains --kJoin--> [joining]
//          --roster--> [sharing] --delivery--> [collecting] --survivors--> [confirming]
//          --unmask request--> [unmasking] --> FinishCohort --> CohortFinished
//          --> merge, optimise --> RecordRound --> StoreAnswered --> publish
//
// Selecting  The task's round is open for check-in until ceil(participants * over_selection) plans are given,
//            signed once a round. Everybody else gets a RetryWindow, aimed at the next round that could use
//            it. Of several tasks one's round is filled before the next one's begins, in turn by their
//            shares; one that needs more devices than there are holds none that another could use.
// Joining    Devices train for as long as report_within_ms allows and then join. The place of one that leaves
//            first is given to another, within a bound. The round's cohorts form when `participants` devices
//            have joined; with at least participants_min also when everyone given a plan has joined or
//            abandoned, when those that are missing are late (patience, straggler_grace_ms), or at the
//            deadline. Late joiners get a RetryWindow.
// Phases     Each cohort runs share, collect, confirm, unmask on its own (curious: without confirm; plain and
//            float: collect only). A phase ends when all awaited participants have answered or abandoned, at
//            its deadline, or straggler_grace_ms after all but dropout_fraction have answered. A cohort that
//            falls below its needs is abandoned; the others go on.
// One-shot   Joining is all there is: the round's one cohort is open from the first message on, each device
//            is told that it is counted when its message is taken, and FinishCohort asks the helper. A round
//            that is lost because the helper started anew is replaced at once; while the helper is about to
//            stop no round gives its first plan.
// Commit     When all cohorts are done their sums merge; with participants_min devices in the sum the model
//            is updated and recorded, in one transaction with the round. When the store has answered, the
//            model is published and the devices that waited are told that they count. A record that fails is
//            tried again, a few times, with growing pauses; then the round is abandoned.
// Abandoned  The devices are told at once. The round's record, too, is tried until the store takes it.
// A round is over when its record is written, and the next one begins. Rounds of one task are recorded in the
// order in which they ended, one at a time, each model built on the one before.
// A restart forgets sessions and rounds in flight (their devices find their token unknown and check in again)
// and continues from the last committed model, with round numbers above all that were reserved before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/random.h"
#include "sotto/hosting/notice.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"
#include "sotto/server/cohort_messages.h"
#include "sotto/server/store.h"
#include "sotto/server/store_messages.h"
#include "sotto/server/verification.h"

namespace sotto::server {

class AccessKey;

// ---- events ----
struct CheckInEvent {
  CallId call;
  proto::CheckInRequest request;
  std::string peer{};     // where it came from, for people
  std::string address{};  // whose it is, as the door counts callers; empty when nobody knows
};
// The model that a session's plan names.
struct FetchModelEvent {
  CallId call;
  proto::FetchModelRequest request;
};
// Any version of any task's model, for an operator.
struct ReadModelEvent {
  CallId call;
  proto::FetchModelRequest request;
};
struct ExchangeEvent {
  CallId call;
  proto::ExchangeRequest request;
};
struct AbandonEvent {
  CallId call;
  proto::AbandonRequest request;
};
// Of signed updates of boards' models: who asks is known as in a check-in.
struct OfferUpdateEvent {
  CallId call;
  proto::OfferUpdateRequest request;
  std::string peer{};
  std::string address{};
};
struct FetchUpdateEvent {
  CallId call;
  proto::FetchUpdateRequest request;
  std::string peer{};
  std::string address{};
};
struct CallCancelledEvent {
  CallId call;
};  // the transport gave up on a held call; no reply is due
// The answer to a StoreAction, which is handed back: what was to be stored is published, or tried again.
struct StoreAnsweredEvent {
  StoreCallId call;
  StoreRequest request;
  StoreReply reply;
};
// The answer to a VerifyAction, which is handed back.
struct VerifiedEvent {
  VerificationId id;
  Verification verification;
  Verdict verdict;
};
// The authority's bulletin in force from now on, which whoever brings it has taken (secagg/bulletin.h); or
// why one that was brought is not.
struct BulletinEvent {
  std::vector<std::uint8_t> bulletin{};
  std::string problem{};
};
// How the mask helpers are, all together. Until the first one, they are taken to be there.
struct HelperEvent {
  // One says that it is about to stop: one-shot rounds that begin now would be lost with its start.
  bool stopping = false;
  // One cannot be reached or has another key than plans would name: which, and why. No plan is given that
  // names it. Empty: none.
  std::string unusable{};
};
struct TickEvent {};  // time has passed; sent at next_deadline()
struct CreateTaskEvent {
  CallId call;
  proto::TaskSpec spec;
  std::vector<float> initial{};  // version 0 of the model; empty: from the specification's seed
  std::string origin{};          // of `initial`, for people
  std::string by{};              // which operator, for the record
};
struct SetTaskStateEvent {
  CallId call;
  std::string task;
  proto::TaskState state = proto::TaskState::kPaused;
  std::string by{};
};
struct SteerTaskEvent {
  CallId call;
  proto::SteerTaskRequest request;
  std::string by{};
};
// Devices that the coordinator remembers, those seen last first; banned ones that it has not seen at the end.
struct ListDevicesEvent {
  CallId call;
  proto::ListDevicesRequest request;
};
struct BanDeviceEvent {
  CallId call;
  proto::BanDeviceRequest request;
  std::string by{};
};
struct PublishUpdateEvent {
  CallId call;
  proto::PublishUpdateRequest request;
  std::vector<std::uint8_t> content;  // of the SHA-256 that the request names
  std::string by{};
};
struct ShareUpdateEvent {
  CallId call;
  proto::ShareUpdateRequest request;
  std::string by{};
};
struct ListUpdatesEvent {
  CallId call;
};
struct ShowFleetEvent {
  CallId call;
};
struct ListTasksEvent {
  CallId call;
};
struct ListRoundsEvent {
  CallId call;
  std::string task;
  std::uint32_t count_max = 100;
};
struct ListModelsEvent {
  CallId call;
  std::string task;
};
using Event =
    std::variant<CheckInEvent, FetchModelEvent, ReadModelEvent, ExchangeEvent, AbandonEvent,
                 CallCancelledEvent, CohortEvent, StoreAnsweredEvent, VerifiedEvent, BulletinEvent,
                 HelperEvent, TickEvent, CreateTaskEvent, SetTaskStateEvent, SteerTaskEvent, ListDevicesEvent,
                 BanDeviceEvent, ShowFleetEvent, ListTasksEvent, ListRoundsEvent, ListModelsEvent,
                 OfferUpdateEvent, FetchUpdateEvent, PublishUpdateEvent, ShareUpdateEvent, ListUpdatesEvent>;

// ---- actions ----
struct AbandonReply {};
// The answer to the event that carried `call`. A Status (never kOk) refuses it.
struct ReplyAction {
  CallId call;
  std::variant<Status, proto::CheckInReply, proto::ModelChunk, proto::ExchangeReply, AbandonReply,
               proto::TaskStatus, std::vector<proto::TaskStatus>, std::vector<proto::RoundRecord>,
               std::vector<proto::ModelRecord>, std::vector<proto::DeviceStatus>, proto::FleetStatus,
               proto::OfferUpdateReply, std::vector<proto::UpdateStatus>>
      body;
};
// A command for the CohortHost; its events come back in order. Commands for one cohort are carried out in the
// order in which they are given.
struct CohortAction {
  CohortAddress cohort;
  CohortCommand command;
};
// Run CohortHost::finish() wherever there is time and hand its event back.
// `asks_helper`: finish() then waits for another party and should not keep other cohorts waiting.
struct FinishCohortAction {
  CohortAddress cohort;
  bool asks_helper = false;
};
// A request to the store, to be answered by a StoreAnsweredEvent, however late. Requests are carried out in
// the order in which they are given. At most limits::kStoreRequestsMax are under way.
struct StoreAction {
  StoreCallId call;
  StoreRequest request;
  std::optional<Act> act{};  // an operator's, to be recorded before the request is carried out
};
// Verify this wherever there is time, and hand back a VerifiedEvent; in any order. At most
// limits::kVerificationsMax check-ins and one join of each session are under way.
struct VerifyAction {
  VerificationId id;
  Verification verification;
};
using NoticeAction = hosting::Notice;
using Action =
    std::variant<ReplyAction, CohortAction, FinishCohortAction, StoreAction, VerifyAction, NoticeAction>;

struct CoordinatorOptions {
  // Signs plans; must outlive the coordinator. Null: plans are not signed, and semi-malicious tasks are
  // refused.
  const secagg::Identity* identity = nullptr;
  // The mask helpers' keys, to which devices seal: none, one or two different ones. Plans name them all, in
  // this order. Without any one-shot tasks are refused.
  std::vector<crypto::X25519PublicKey> helper_keys{};
  // A call whose answer is not ready is answered KeepWaiting after this; 0: at once.
  std::int64_t hold_call_ms = 10'000;
  std::uint32_t poll_after_ms = 200;  // KeepWaiting asks to poll between this and twice this
  // Devices sent away are spread over the time until the task can use them, within these bounds.
  std::uint32_t retry_min_ms = 500;
  std::uint32_t retry_max_ms = 60'000;
  // A device that fails twice in a row is given no plan for so long, and twice as long after each further
  // failure, up to five minutes; 0: nobody waits.
  std::uint32_t failing_wait_ms = 1'000;
  // A device that has the newest model asks again after so long, up to twice that.
  std::uint32_t update_retry_ms = 600'000;
  // Rounds of one task that may be open at once. A round that takes no more devices makes room for the next.
  std::uint32_t rounds_open_max = 1;
  std::uint32_t epoch = 0;  // the store's, and so are these
  std::vector<Ban> bans{};
  // Tags challenges and passes; must outlive the coordinator. Null: it makes one of its own.
  const AccessKey* access = nullptr;
};

// An interface, because the shells around it are tested with coordinators that follow a script.
class Coordinator {
 public:
  // `tasks` is what take_up_tasks() gave. `random` must outlive the coordinator. kInvalidArgument names the
  // option.
  [[nodiscard]] static Result<std::unique_ptr<Coordinator>> open(std::vector<StoredTask> tasks,
                                                                 Random& random,
                                                                 const CoordinatorOptions& options, Time now);
  virtual ~Coordinator() = default;

  // Every call event gets exactly one ReplyAction, in this step or a later one, unless it is cancelled first.
  // (A cancelled call that waits for the store may be answered all the same.)
  [[nodiscard]] virtual std::vector<Action> step(Event event, Time now) = 0;
  // When to send the next TickEvent; kNever when nothing is pending.
  [[nodiscard]] virtual Time next_deadline() const = 0;
  // Whether a mask helper that is about to stop may do so: it was told of, and no round that needs it is
  // under way.
  [[nodiscard]] virtual bool is_done_with_helpers() const { return false; }
};

}  // namespace sotto::server
