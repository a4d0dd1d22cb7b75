// The coordinator: tasks, rounds, cohorts. A core without I/O: step(event, now) -> actions. Store and
// randomness are passed in; it never reads a clock, starts no thread, and knows no transport. One thread owns
// it.
//
//            check-in: eligible?        READY devices           deadlines everywhere
//   device --CheckIn--> [selecting] --PlanOffer--> trains --kJoin--> [joining]
//          --roster--> [sharing] --delivery--> [collecting] --survivors--> [confirming]
//          --unmask request--> [unmasking] --> FinishCohort --> CohortFinished
//          --> merge, optimise, commit
//
// Selecting  The task's round is open for check-in until ceil(participants * over_selection) plans are given,
//            signed once a round. Everybody else gets a RetryWindow.
// Joining    Devices train for as long as report_within_ms allows and then join. The round's cohorts form
//            when `participants` devices have joined, or when everyone given a plan has joined or abandoned,
//            or at the deadline with at least participants_min. Late joiners get a RetryWindow.
// Phases     Each cohort runs share, collect, confirm, unmask on its own (curious: without confirm; plain and
//            float: collect only). A phase ends when all awaited participants have answered or abandoned, at
//            its deadline, or straggler_grace_ms after all but dropout_fraction have answered. A cohort that
//            falls below its needs is abandoned; the others go on.
// One-shot   Joining is all there is: the round's one cohort is open from the first message on, each device
//            is told that it is counted when its message is taken, and FinishCohort asks the helper.
// Commit     When all cohorts are done their sums merge; with participants_min devices in the sum the model
//            is updated, committed to the store in one transaction with the round's record, and published.
//            Otherwise the round is abandoned with its reason recorded, and the next one begins.
// A restart forgets sessions and rounds in flight (their devices find their token unknown and check in again)
// and continues from the last committed model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/aggregator/one_shot_session.h"
#include "sotto/base/clock.h"
#include "sotto/base/random.h"
#include "sotto/hosting/notice.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"
#include "sotto/server/store.h"

namespace sotto::server {

// ---- events ----
struct CheckInEvent {
  CallId call;
  proto::CheckInRequest request;
};
struct FetchModelEvent {
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
struct CallCancelledEvent {
  CallId call;
};  // the transport gave up on a held call; no reply is due
struct CohortFinishedEvent {
  TaskId task;
  RoundId round;
  CohortId cohort;
  Result<aggregator::CohortSum> sum;
  std::vector<ParticipantIndex> dishonest;
};
struct TickEvent {};  // time has passed; sent at next_deadline()
struct CreateTaskEvent {
  CallId call;
  proto::TaskSpec spec;
};
struct SetTaskStateEvent {
  CallId call;
  std::string task;
  proto::TaskState state = proto::TaskState::kPaused;
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
using Event = std::variant<CheckInEvent, FetchModelEvent, ExchangeEvent, AbandonEvent, CallCancelledEvent,
                           CohortFinishedEvent, TickEvent, CreateTaskEvent, SetTaskStateEvent, ListTasksEvent,
                           ListRoundsEvent, ListModelsEvent>;

// ---- actions ----
struct AbandonReply {};
// The answer to the event that carried `call`. A Status (never kOk) refuses it.
struct ReplyAction {
  CallId call;
  std::variant<Status, proto::CheckInReply, proto::ModelChunk, proto::ExchangeReply, AbandonReply,
               proto::TaskStatus, std::vector<proto::TaskStatus>, std::vector<proto::RoundRecord>,
               std::vector<proto::ModelRecord>>
      body;
};
// Run session->finish() wherever there is time and answer with a CohortFinishedEvent.
// `asks_helper`: finish() then waits for another party and should not keep other cohorts waiting.
struct FinishCohortAction {
  TaskId task;
  RoundId round;
  CohortId cohort;
  std::unique_ptr<aggregator::CohortSession> session;
  bool asks_helper = false;
};
using NoticeAction = hosting::Notice;
using Action = std::variant<ReplyAction, FinishCohortAction, NoticeAction>;

// The second party of one-shot sessions, as far as the coordinator knows it.
struct HelperAccess {
  crypto::X25519PublicKey key{};           // devices seal to it; plans name it
  aggregator::HelperLink* link = nullptr;  // must outlive the coordinator and its sessions
};

struct CoordinatorOptions {
  // Signs plans; must outlive the coordinator. Null: plans are not signed, and semi-malicious tasks are
  // refused.
  const secagg::Identity* identity = nullptr;
  HelperAccess helper{};  // without a link one-shot tasks are refused
  // A call whose answer is not ready is answered KeepWaiting after this; 0: at once.
  std::int64_t hold_call_ms = 10'000;
  std::uint32_t poll_after_ms = 200;  // KeepWaiting asks to poll between this and twice this
  // Devices sent away are spread over the time until the task can use them, within these bounds.
  std::uint32_t retry_min_ms = 500;
  std::uint32_t retry_max_ms = 60'000;
};

class Coordinator {
 public:
  // Loads all tasks from `store`. `store` and `random` must outlive the coordinator.
  [[nodiscard]] static Result<std::unique_ptr<Coordinator>> open(Store& store, Random& random,
                                                                 const CoordinatorOptions& options, Time now);
  virtual ~Coordinator() = default;

  // Every call event gets exactly one ReplyAction, in this step or a later one, unless it is cancelled first.
  [[nodiscard]] virtual std::vector<Action> step(Event event, Time now) = 0;
  // When to send the next TickEvent; kNever when nothing is pending.
  [[nodiscard]] virtual Time next_deadline() const = 0;
};

}  // namespace sotto::server
