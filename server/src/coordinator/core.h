// The coordinator's state and how events change it. One class in several files, by what they deal with:
// coordinator.cc (dispatch, deadlines, answers), check_in.cc, exchange.cc, phases.cc (what a round asks
// for, from joining to its end), cohort_events.cc (what its cohorts say), recording.cc (what is written,
// and what then), administration.cc (tasks and models).
//
// Handlers change rounds and mark their task; settle() asks the rounds of every marked task what comes next
// and acts. So a round ends there and nowhere else, and it is forgotten when its record is written.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/deadlines.h"
#include "coordinator/held_calls.h"
#include "coordinator/pacing.h"
#include "coordinator/task.h"
#include "coordinator/visit_table.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

class Core final : public Coordinator {
 public:
  // `random` must outlive the core.
  Core(Random& random, const CoordinatorOptions& options) : random_(random), options_(options) {}

  // Takes in the tasks that a store holds.
  void adopt(std::vector<StoredTask> tasks, Time now);

  [[nodiscard]] std::vector<Action> step(Event event, Time now) override;
  [[nodiscard]] Time next_deadline() const override;

 private:
  // ---- coordinator.cc ----
  void handle(CheckInEvent& event);
  void handle(FetchModelEvent& event);
  void handle(ExchangeEvent& event);
  void handle(AbandonEvent& event);
  void handle(CallCancelledEvent& event);
  void handle(CohortEvent& event);
  void handle(StoreAnsweredEvent& event);
  void handle(BulletinEvent& event);
  void handle(TickEvent&) {}
  void handle(CreateTaskEvent& event);
  void handle(SetTaskStateEvent& event);
  void handle(ListTasksEvent& event);
  void handle(ListRoundsEvent& event);
  void handle(ListModelsEvent& event);
  void run_deadlines();
  void expire_held_calls();
  template <typename Body>
  void reply(CallId call, Body body) {
    actions_.emplace_back(ReplyAction{call, std::move(body)});
  }
  void notice(NoticeAction::Level level, std::string text);
  void command(const Round& round, CohortId cohort, CohortCommand command);
  // Keeps the call for an answer that is not ready.
  void hold(Visit& visit, CallId call);
  // Answers the visit's held call, if there is one.
  void answer_held(Visit& visit, proto::ExchangeReply answer);
  // Ends the visit with this answer, now and to every later call.
  void end_visit(Visit& visit, proto::ExchangeReply answer);
  [[nodiscard]] proto::KeepWaiting keep_waiting(const Visit& visit);
  [[nodiscard]] proto::RetryWindow window_for(const Task& task, std::string reason) const;
  [[nodiscard]] Task* find_task(TaskId id);
  [[nodiscard]] Task* find_task(const std::string& name);
  // Whose word enrols devices; nothing without an identity of our own.
  [[nodiscard]] std::optional<secagg::Trust> authority() const {
    return options_.identity == nullptr ? std::nullopt : std::optional(options_.identity->trust);
  }
  // The round a visit belongs to; nullptr when it is over.
  [[nodiscard]] Round* round_of(const Visit& visit);
  // Its rounds are asked what comes next before the step ends.
  void mark(const Task& task) { marked_.insert(task.stored.id); }

  // ---- check_in.cc ----
  [[nodiscard]] Status validate(const proto::CheckInRequest& request) const;
  void replace_visit_of(const std::string& device_id);
  [[nodiscard]] proto::CheckInReply assign(const proto::CheckInRequest& request);
  [[nodiscard]] proto::PlanOffer give_plan(Task& task, Round& round, const proto::CheckInRequest& request);

  // ---- exchange.cc ----
  void take_join(Task& task, Round& round, Visit& visit, ExchangeEvent& event);
  void take_contribution(Round& round, Visit& visit, ExchangeEvent& event);
  void repeat_join(Task& task, Round& round, Visit& visit, const ExchangeEvent& event);
  void pass_to_cohort(const Round& round, Visit& visit, ExchangeEvent& event);
  // Counts, and answers if there is a call; a refusal that leaves the device nothing to repair ends its
  // visit.
  void refuse(Task& task, Round& round, Visit& visit, std::optional<CallId> call, Rejection rejection);
  // The device leaves: its visit ends with this answer.
  void depart(Visit& visit, proto::ExchangeReply answer);
  // The device's ledger does not let it follow the plan: others may have it.
  void plan_refused_by_ledger(Task& task, Round& round, const Visit& visit,
                              const proto::LedgerReport& report);

  // ---- phases.cc ----
  void settle();
  void act_on(Task& task, Round& round);
  void open_rounds(Task& task);
  void close_joining(Task& task, Round& round, const std::vector<std::uint32_t>& sizes);
  void form_cohort(Round& round, const std::vector<SessionToken>& tokens);
  void open_cohort(const Round& round, const Cohort& cohort);
  [[nodiscard]] std::vector<SessionToken> shuffled_joiners(const Round& round);
  // The round changes no more; what is left is its record.
  void end_round(Task& task, Round& round, EndedRound ended);
  // Its cohorts and its deadlines are gone, its devices are told. Once for each round.
  void release(Task& task, Round& round, const EndedRound& ended);
  [[nodiscard]] std::int64_t pause_after_abandoned(std::uint32_t in_a_row) const;

  // ---- cohort_events.cc ----
  struct AtCohort {
    Task& task;
    Round& round;
    Cohort& cohort;
  };
  void on(const AtCohort& at, CohortAdmitted& event);
  void on(const AtCohort& at, CohortAnswered& event);
  void on(const AtCohort& at, CohortStepOpened& event);
  void on(const AtCohort& at, CohortHurries& event);
  void on(const AtCohort& at, CohortStepClosed& event);
  void on(const AtCohort& at, CohortReady& event);
  void on(const AtCohort& at, CohortFailed& event);
  void on(const AtCohort& at, CohortFinished& event);
  void contribution_admitted(const AtCohort& at, const Cohort::Place& place, Rejection rejection);
  void cohort_failed(const AtCohort& at, const std::string& reason);
  // The live visit in that seat; nullptr when it is over.
  [[nodiscard]] Visit* visit_at(const Cohort& cohort, Seat seat);

  // ---- recording.cc ----
  [[nodiscard]] StoreCallId ask_store(StoreRequest request);
  // Whether another request that a caller waits for may be put to the store; if not, the call is refused.
  [[nodiscard]] bool store_has_room(CallId call);
  void ask_store_for(CallId call, StoreRequest request);
  // The next of what the task has to write.
  void write_next(Task& task);
  void write_state(Task& task);
  void write_round(Task& task, EndedRound& ended);
  [[nodiscard]] RecordRoundRequest record_of(const Task& task, const Round& round, EndedRound& ended) const;
  void round_written(Task& task, RecordRoundRequest& request);
  void round_not_written(Task& task, RecordRoundRequest& request, const Status& status);
  void state_written(Task& task, const SetTaskStateRequest& request, const Status& status);
  void reserve_rounds(Task& task);
  void rounds_reserved(Task& task, const ReserveRoundsRequest& request, const Status& status);
  void reissue_model(Task& task);
  void model_reissued(Task& task, const ReissueModelRequest& request, const Status& status);

  // ---- administration.cc ----
  [[nodiscard]] Status check_servable(const proto::Plan& plan);
  [[nodiscard]] static Status already_complete(const Task& task);
  // What plans of one-shot sessions name.
  [[nodiscard]] crypto::Digest helper_digest() const;
  [[nodiscard]] proto::TaskStatus status_of(const Task& task) const;
  void task_created(CallId call, CreateTaskRequest& request, StoreReply& reply);
  void model_loaded(const LoadModelRequest& request, StoreReply& reply);
  void reply_chunk(CallId call, const std::vector<std::uint8_t>& model, std::uint64_t offset);
  void add_task(StoredTask stored);

  // The tasks of one population, served in turn.
  struct Population {
    std::vector<TaskId> tasks;
    std::size_t next = 0;
  };
  using ModelKey = std::pair<TaskId, ModelVersion>;
  // The last model version fetched that is not a task's newest.
  struct OlderModel {
    ModelKey key;
    std::vector<std::uint8_t> bytes;
  };
  struct WaitingFetch {
    CallId call;
    std::uint64_t offset = 0;
  };

  Random& random_;
  const CoordinatorOptions options_;
  std::map<TaskId, Task> tasks_;
  std::unordered_map<std::string, TaskId> task_ids_;
  std::unordered_map<std::string, Population> populations_;
  VisitTable visits_;
  HeldCalls held_calls_;
  Deadlines deadlines_;
  std::set<TaskId> marked_;
  // The authority's, in force; empty and 0 when there is none.
  std::vector<std::uint8_t> bulletin_;
  std::uint32_t bulletin_edition_ = 0;
  // Requests to the store that a caller waits for.
  std::uint64_t store_calls_made_ = 0;
  std::map<StoreCallId, CallId> store_calls_;
  std::map<ModelKey, std::vector<WaitingFetch>> loading_;
  std::size_t fetches_waiting_ = 0;
  std::size_t state_changes_waiting_ = 0;
  std::size_t tasks_in_creation_ = 0;
  std::optional<OlderModel> older_model_;
  std::uint64_t unknown_visits_ = 0;  // calls refused for their token since the last notice
  Time now_;                          // of the step in progress
  std::vector<Action> actions_;       // of the step in progress; between steps, of adopt()
};

}  // namespace sotto::server
