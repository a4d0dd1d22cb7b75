// The coordinator's state and how events change it. One class in several files, by what they deal with:
// coordinator.cc (dispatch, deadlines, answers), check_in.cc, exchange.cc, phases.cc (from joining to the
// cohorts' sums), one_shot.cc (what is different when a message is all a device sends), outcome.cc (commit,
// abandon, next round), administration.cc (tasks and models).
//
// Functions marked [may end the round] can commit or abandon the task's round and begin the next: references
// into the old one are dead afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/deadlines.h"
#include "coordinator/held_calls.h"
#include "coordinator/pacing.h"
#include "coordinator/session_table.h"
#include "coordinator/task.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

class Core final : public Coordinator {
 public:
  // `store` and `random` must outlive the core.
  Core(Store& store, Random& random, const CoordinatorOptions& options)
      : store_(store), random_(random), options_(options) {}

  // Takes in the tasks of a store that was loaded.
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
  void handle(CohortFinishedEvent& event);
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
  // Keeps the call for an answer that is not ready.
  void hold(Session& session, CallId call);
  // Answers the session's held call, if there is one.
  void answer_held(Session& session, proto::ExchangeReply answer);
  // Ends the session with this answer, now and to every later call.
  void end_session(Session& session, proto::ExchangeReply answer);
  [[nodiscard]] proto::KeepWaiting keep_waiting(const Session& session) const;
  [[nodiscard]] proto::RetryWindow window_for(const Task& task, std::string reason) const;
  [[nodiscard]] Task* find_task(TaskId id);
  [[nodiscard]] Task* find_task(const std::string& name);
  // Whose word enrols devices; nothing without an identity of our own.
  [[nodiscard]] std::optional<crypto::Es256PublicKey> authority() const {
    return options_.identity == nullptr ? std::nullopt : std::optional(options_.identity->authority);
  }
  // The round a session belongs to; nullptr when it is over.
  [[nodiscard]] Round* round_of(const Session& session);

  // ---- check_in.cc ----
  [[nodiscard]] Status validate(const proto::CheckInRequest& request) const;
  [[nodiscard]] std::optional<TaskId> replace_session_of(const std::string& device_id);
  [[nodiscard]] proto::CheckInReply assign(const proto::CheckInRequest& request);
  [[nodiscard]] proto::PlanOffer give_plan(Task& task, const std::string& device_id);

  // ---- exchange.cc ----
  void take_join(Task& task, Session& session, ExchangeEvent& event);          // [may end the round]
  void repeat_join(Task& task, Session& session, const ExchangeEvent& event);  // [may end the round]
  void take_step(Task& task, Session& session, const ExchangeEvent& event);    // [may end the round]
  void repeat_step(Task& task, Session& session, const ExchangeEvent& event);  // [may end the round]
  // Counts and answers; a refusal that leaves the device nothing to repair ends its session. [may end the
  // round]
  void refuse(Task& task, Session& session, CallId call, Rejection rejection);
  // The device leaves: its session ends with this answer. [may end the round]
  void depart(Session& session, proto::ExchangeReply answer);

  // ---- phases.cc ----
  void check_joining(Task& task);  // [may end the round]
  void close_joining(Task& task);  // [may end the round]
  void form_cohorts(Task& task, const std::vector<std::uint32_t>& sizes);
  void form_cohort(Task& task, const std::vector<SessionToken>& tokens);
  [[nodiscard]] std::vector<SessionToken> shuffled_joiners(const Round& round);
  // Ends steps for as long as nothing is gained by waiting. [may end the round]
  void advance_cohort(Task& task, Cohort& cohort);
  // True when the cohort has another step open. [may end the round]
  [[nodiscard]] bool close_step(Task& task, Cohort& cohort);
  void open_step(Task& task, Cohort& cohort);
  void drop_from_cohort(Task& task, Cohort& cohort, ParticipantIndex member);
  void cohort_failed(Task& task, Cohort& cohort, const std::string& reason);  // [may end the round]
  void cohort_settled(Task& task);                                            // [may end the round]

  // ---- one_shot.cc ----
  // A session for the plan, of any kind.
  [[nodiscard]] Result<std::unique_ptr<aggregator::CohortSession>> make_session(
      const proto::Plan& plan, Bytes plan_bytes, const secagg::Credential& plan_credential);
  // What plans of one-shot sessions name.
  [[nodiscard]] crypto::Digest helper_digest() const;
  // Opens the one cohort that a one-shot round has.
  [[nodiscard]] Status open_one_shot(Round& round);
  void take_one_shot(Task& task, Session& session, const ExchangeEvent& event);  // [may end the round]

  // ---- outcome.cc ----
  void finish_round(Task& task);                                                         // [ends the round]
  void commit_round(Task& task);                                                         // [ends the round]
  void abandon_round(Task& task, const std::string& reason, bool store_failed = false);  // [ends the round]
  struct Outcome {
    bool committed = false;
    std::string sentence;
    std::int64_t pause_ms = 0;
  };
  void conclude(Task& task, const Outcome& outcome);  // [ends the round]
  void end_round_sessions(Task& task, const Round& round, const Outcome& outcome);
  [[nodiscard]] std::int64_t pause_after_abandoned(const Task& task, bool store_failed) const;
  void schedule_next_round(Task& task, std::int64_t pause_ms);

  // ---- administration.cc ----
  [[nodiscard]] Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec);
  [[nodiscard]] Result<proto::TaskStatus> set_task_state(const std::string& name, proto::TaskState state);
  [[nodiscard]] proto::TaskStatus status_of(const Task& task) const;
  [[nodiscard]] Result<proto::ModelChunk> model_chunk(const proto::FetchModelRequest& request);
  void add_task(StoredTask stored);
  // Answers with the value or the error.
  template <typename Value>
  void reply_result(CallId call, Result<Value> result) {
    if (result) {
      reply(call, std::move(*result));
    } else {
      reply(call, result.error());
    }
  }

  // The tasks of one population, served in turn.
  struct Population {
    std::vector<TaskId> tasks;
    std::size_t next = 0;
  };
  // The last model version fetched that is not a task's newest.
  struct OlderModel {
    TaskId task;
    ModelVersion version;
    std::vector<std::uint8_t> bytes;
  };

  Store& store_;
  Random& random_;
  const CoordinatorOptions options_;
  std::map<TaskId, Task> tasks_;
  std::unordered_map<std::string, TaskId> task_ids_;
  std::unordered_map<std::string, Population> populations_;
  SessionTable sessions_;
  HeldCalls held_calls_;
  Deadlines deadlines_;
  std::optional<OlderModel> older_model_;
  std::uint64_t unknown_sessions_ = 0;  // calls refused for their token since the last notice
  Time now_;                            // of the step in progress
  std::vector<Action> actions_;         // of the step in progress
};

}  // namespace sotto::server
