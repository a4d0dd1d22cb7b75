// The coordinator's state and how events change it. One class in several files, by what they deal with:
// coordinator.cc (dispatch, deadlines, answers), check_in.cc, exchange.cc, phases.cc (what a round asks
// for, from joining to its end), cohort_events.cc (what its cohorts say), recording.cc (what is written,
// and what then), administration.cc (tasks and models), steering.cc (what operators do
// to tasks), devices.cc (what is known of single devices, and their bans), updates.cc (signed updates of
// boards' models).
//
// Handlers change rounds and mark their task; settle() asks the rounds of every marked task what comes next
// and acts. So a round ends there and nowhere else, and it is forgotten when its record is written.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/access_key.h"
#include "coordinator/census.h"
#include "coordinator/deadlines.h"
#include "coordinator/device_records.h"
#include "coordinator/held_calls.h"
#include "coordinator/pacing.h"
#include "coordinator/recent_set.h"
#include "coordinator/tally.h"
#include "coordinator/task.h"
#include "coordinator/visit_table.h"
#include "sotto/base/limits.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

// How long a warning that was given is not given again, and of how many that is remembered: whoever makes up
// names to flood the log only gets so far.
inline constexpr std::chrono::milliseconds kSaidFor{3'600'000};
inline constexpr std::size_t kSaidMax = 4096;
// For how long a device that was seen counts as there, at least: idle ones come back sooner.
inline constexpr std::chrono::milliseconds kSeenLately{180'000};
inline constexpr std::chrono::milliseconds kSeenLatelyMax{86'400'000};

class Core final : public Coordinator {
 public:
  // `random` must outlive the core.
  Core(Random& random, const CoordinatorOptions& options);

  // Takes in the tasks that a store holds.
  void adopt(std::vector<StoredTask> tasks, Time now);

  [[nodiscard]] std::vector<Action> step(Event event, Time now) override;
  [[nodiscard]] Time next_deadline() const override;
  [[nodiscard]] bool is_done_with_helpers() const override;

 private:
  // ---- coordinator.cc ----
  void handle(CheckInEvent& event);
  void handle(FetchModelEvent& event);
  void handle(ReadModelEvent& event);
  void handle(ExchangeEvent& event);
  void handle(AbandonEvent& event);
  void handle(CallCancelledEvent& event);
  void handle(CohortEvent& event);
  void handle(StoreAnsweredEvent& event);
  void handle(VerifiedEvent& event);
  void handle(BulletinEvent& event);
  void handle(HelperEvent& event);
  void handle(TickEvent&) {}
  void handle(CreateTaskEvent& event);
  void handle(SetTaskStateEvent& event);
  void handle(SteerTaskEvent& event);
  void handle(ListDevicesEvent& event);
  void handle(BanDeviceEvent& event);
  void handle(ShowFleetEvent& event);
  void handle(OfferUpdateEvent& event);
  void handle(FetchUpdateEvent& event);
  void handle(PublishUpdateEvent& event);
  void handle(ShareUpdateEvent& event);
  void handle(ListUpdatesEvent& event);
  void handle(ListTasksEvent& event);
  void handle(ListRoundsEvent& event);
  void handle(ListModelsEvent& event);
  void run_deadlines();
  void expire_held_calls();
  template <typename Body>
  void reply(CallId call, Body body) {
    if constexpr (requires { tally_.count(body, now_); }) tally_.count(body, now_);
    actions_.emplace_back(ReplyAction{call, std::move(body)});
  }
  void notice(NoticeAction::Level level, std::string text);
  // About once a minute: which answers were given, and who holds places.
  void tell_of_calls();
  // A warning, unless one about this was given lately.
  void warn_once(const std::string& about, std::string text);
  void command(const Round& round, CohortId cohort, CohortCommand command);
  // Keeps the call for an answer that is not ready.
  void hold(Visit& visit, CallId call);
  // The visit's held call, which it holds no longer.
  [[nodiscard]] std::optional<CallId> release_held(Visit& visit);
  // Answers the visit's held call, if there is one.
  void answer_held(Visit& visit, proto::ExchangeReply answer);
  // Ends the visit with this answer, now and to every later call.
  void end_visit(Visit& visit, proto::ExchangeReply answer);
  [[nodiscard]] proto::KeepWaiting keep_waiting(const Visit& visit);
  // For a device of the task's population.
  [[nodiscard]] proto::RetryWindow window_for(const Task& task, std::string reason);
  [[nodiscard]] Task* find_task(TaskId id);
  [[nodiscard]] Task* find_task(const std::string& name);
  // Whose word enrols devices; nothing without an identity of our own.
  [[nodiscard]] std::optional<secagg::Trust> authority() const {
    return options_.identity == nullptr ? std::nullopt : std::optional(options_.identity->trust);
  }
  [[nodiscard]] const AccessKey& access() const {
    return options_.access == nullptr ? own_access_ : *options_.access;
  }
  // The round a visit belongs to; nullptr when it is over.
  [[nodiscard]] Round* round_of(const Visit& visit);
  // Its rounds are asked what comes next before the step ends.
  void mark(const Task& task) { marked_.insert(task.stored.id); }

  // ---- check_in.cc ----
  [[nodiscard]] static Status check_version(std::uint32_t version);
  // In the words of the device's owner.
  [[nodiscard]] static Status refusal_of(Rejection rejection);
  [[nodiscard]] Status validate(const proto::CheckInRequest& request) const;
  // Somebody who checks in: who, and what for.
  struct Guest {
    const proto::CheckInRequest& request;
    Visitor visitor;
    std::optional<TaskId> only{};  // the task that it signed for
  };
  // A check-in whose signature is being verified.
  struct PendingCheckIn {
    CheckInEvent event;
    AccessKey::Nonce nonce{};
  };
  // Why the device gets no plan of a task, and of those the task that will have one soonest.
  struct Search {
    std::string unsuitable{};
    Task* soonest = nullptr;
    bool soonest_departed = false;
    Task* to_sign_for = nullptr;            // it has a place for the device, once it has shown who it is
    bool enrolled_only = false;             // the reason is that the device has no identity
    const DeviceRecord* failing = nullptr;  // the reason is that it has failed again and again
  };
  // Nothing when the request's proof answers no challenge that holds: the device is asked once more.
  [[nodiscard]] bool verify_check_in(CheckInEvent& event);
  void check_in_verified(PendingCheckIn& pending, const Verdict& verdict);
  void welcome(CallId call, const Guest& guest);
  // Until a device that fails again and again may have a plan.
  [[nodiscard]] proto::RetryWindow failing_window(const DeviceRecord& record) const;
  // Why the device is to wait, although it may have had a place: it begins anew again and again.
  [[nodiscard]] std::optional<proto::RetryWindow> replace_visit_of(const Visitor& visitor);
  [[nodiscard]] std::variant<Status, proto::CheckInReply> assign(const Guest& guest);
  // A plan, if this task has one for the device now.
  [[nodiscard]] std::optional<proto::PlanOffer> find_place(Task& task, const Guest& guest, Search& search);
  [[nodiscard]] bool owns_place(const Task& task, const Guest& guest);
  [[nodiscard]] std::variant<Status, proto::CheckInReply> without_place(const Guest& guest,
                                                                        const Search& search);
  [[nodiscard]] proto::PlanOffer give_plan(Task& task, Round& round, const Guest& guest);
  // Whether what it joined with was verified by what is in force now.
  [[nodiscard]] bool is_verified(const Visit& visit) const;
  // A warning about somebody who has proven nothing, one of a kind and address.
  void warn_of_stranger(const Visitor& visitor, const std::string& about, std::string text);
  // The log's line on two devices that are one by what they show.
  void warn_of_copy(const Visit& visit, const std::string& other_peer);
  // The log's line on a device whose signature does not count.
  void turned_away(const Visitor& visitor, Rejection rejection);
  [[nodiscard]] VerificationId begin_verification(std::variant<SignedStatement, OneShotContribution> what);

  // ---- updates.cc ----
  // A device that asks for an update and whose signature is being verified.
  struct PendingOffer {
    OfferUpdateEvent event;
    AccessKey::Nonce nonce{};
  };
  [[nodiscard]] bool verify_offer(OfferUpdateEvent& event);
  void offer_verified(PendingOffer& pending, const Verdict& verdict);
  // Whether updates of the task go to enrolled devices only.
  [[nodiscard]] bool updates_enrolled_only(const std::string& task);
  // Turned away: it is banned or revoked.
  [[nodiscard]] std::optional<Status> keeps_updates_from(const Visitor& visitor);
  void find_update(CallId call, const proto::OfferUpdateRequest& question, std::vector<std::uint8_t> pass);
  void update_found(CallId call, FindUpdateRequest& request, const StoreReply& reply);

  // ---- turns.cc ----
  // The tasks of one population and its devices.
  struct Population {
    std::vector<TaskId> tasks;
    std::uint64_t turn = 0;  // of the task that was served last
    Census census{kSeenLately, limits::kDeviceRecordsMax};
  };
  [[nodiscard]] Population& population_of(const Task& task);
  // All of its tasks, as mark() does.
  void mark_population(const Task& task);
  void saw(const std::string& population, const std::string& device_id);
  // Whether as many devices as a round of the task needs have been seen lately.
  [[nodiscard]] bool has_devices_for(const Task& task);
  // Whether it needs more devices than there are, and another task could use those.
  [[nodiscard]] bool yields(const Task& task);
  [[nodiscard]] std::vector<Task*> tasks_in_turn(const Population& population);
  // A plan of the task is given, which may be the first of its round.
  void count_turn(Task& task, bool begins_round);
  // Ends a round that holds devices which it cannot use and other tasks can. False: it goes on.
  bool gives_way(Task& task, Round& round);
  // "needs 50 devices; 3 have been seen lately"
  [[nodiscard]] std::string shortage(const Task& task);

  // ---- exchange.cc ----
  void take_join(Task& task, Round& round, Visit& visit, ExchangeEvent& event);
  // Has what the device signed verified before it counts. Refuses what is not in its name.
  void verify_join(Task& task, Round& round, Visit& visit, std::vector<std::uint8_t> payload);
  void join_verified(const SessionToken& token, VerifiedEvent& event);
  void joined(Round& round, Visit& visit, std::vector<std::uint8_t> payload);
  void too_late(Task& task, const Round& round, Visit& visit);
  void take_contribution(Round& round, Visit& visit, std::vector<std::uint8_t> payload);
  void repeat_join(Task& task, Round& round, Visit& visit, const ExchangeEvent& event);
  void pass_to_cohort(const Round& round, Visit& visit, ExchangeEvent& event);
  // Counts, and answers if there is a call; a refusal that leaves the device nothing to repair ends its
  // visit.
  void refuse(Task& task, Round& round, Visit& visit, std::optional<CallId> call, Rejection rejection);
  // How a device goes.
  struct Leaving {
    std::string_view reason{};  // its own, or empty
    bool may_return = false;    // it may have another plan of this round
    bool plan_unused = false;   // ... and so may others, as if this one had never been given
  };
  [[nodiscard]] static Round::Place place_of(const Visit& visit) {
    return visit.place_given_on ? Round::Place::kGivenOn : Round::Place::kItsOwn;
  }
  // The device leaves: its visit ends with this answer.
  void depart(Visit& visit, proto::ExchangeReply answer, const Leaving& leaving);
  // Its session came to nothing by its own doing.
  void device_failed(const Visit& visit, DeviceRecord::Outcome how, std::string_view reason);
  // The log's line on a device that leaves before it has given anything, in its own words.
  void tell_of_leaving(const Visit& visit, std::string_view reason);
  // The device's ledger does not let it follow the plan: others may have it.
  void plan_refused_by_ledger(Task& task, Round& round, const Visit& visit,
                              const proto::LedgerReport& report);

  // ---- phases.cc ----
  void settle();
  void act_on(Task& task, Round& round);
  // Whether those that a joining round still waits for are late, now or from when on.
  void watch_joining(Task& task, Round& round);
  // Others may have the places of those that train for too long.
  void give_late_places_on(Round& round);
  // Ends a round on a model that is to be issued again, when too few devices are left that may use it.
  bool waits_for_spent_devices(Task& task, Round& round);
  void clear_joining_deadlines(const Task& task, const Round& round);
  void open_rounds(Task& task);
  void close_joining(Task& task, Round& round, const std::vector<std::uint32_t>& sizes);
  void form_cohort(Round& round, const std::vector<SessionToken>& tokens);
  void open_cohort(const Round& round, const Cohort& cohort);
  [[nodiscard]] std::vector<SessionToken> shuffled_joiners(const Round& round);
  // The round changes no more; what is left is its record.
  void end_round(Task& task, Round& round, EndedRound ended);
  // Its cohorts and its deadlines are gone, its devices are told. Once for each round.
  void release(Task& task, Round& round, const EndedRound& ended);
  // As if it had never begun.
  void vanish(Task& task, Round& round);
  // True when another round is to follow this one at once.
  [[nodiscard]] static bool count_outcome(Task& task, const Round& round, const EndedRound& ended);
  [[nodiscard]] std::int64_t pause_after_abandoned(std::uint32_t in_a_row) const;
  // Before a store that has failed so often is asked again.
  [[nodiscard]] std::chrono::milliseconds pause_of_store(std::uint32_t attempts) const;

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
  [[nodiscard]] StoreCallId ask_store(StoreRequest request, std::optional<Act> act = {});
  // Whether another request that a caller waits for may be put to the store; if not, the call is refused.
  [[nodiscard]] bool store_has_room(CallId call);
  void ask_store_for(CallId call, StoreRequest request, std::optional<Act> act = {});
  // The next of what the task has to write.
  void write_next(Task& task);
  void write_round(Task& task, EndedRound& ended);
  [[nodiscard]] RecordRoundRequest record_of(const Task& task, const Round& round, EndedRound& ended) const;
  void round_written(Task& task, RecordRoundRequest& request);
  void round_not_written(Task& task, RecordRoundRequest& request, const Status& status);
  void reserve_rounds(Task& task);
  void rounds_reserved(Task& task, const ReserveRoundsRequest& request, const Status& status);
  void reissue_model(Task& task);
  void model_reissued(Task& task, const ReissueModelRequest& request, const Status& status);

  // ---- steering.cc ----
  // What the store is to write for an act, and its record; a status when there is nothing to do, or it is
  // refused.
  struct Steering {
    StoreRequest request;
    std::string what;
    std::vector<ActChange> changes{};
  };
  using NextOfChange = std::variant<Status, Steering>;
  void await_change(Task& task, TaskChange change);
  void begin_change(Task& task);
  [[nodiscard]] NextOfChange request_for(const Task& task, const SetState& act) const;
  [[nodiscard]] NextOfChange request_for(const Task& task, const proto::RollBackModel& act) const;
  [[nodiscard]] NextOfChange request_for(const Task& task, const proto::AbortRounds& act) const;
  [[nodiscard]] NextOfChange request_for(const Task& task, const proto::DeleteTask& act) const;
  [[nodiscard]] NextOfChange request_for(const Task& task, const proto::EditTask& act);
  // The store has written the first of the task's changes, or has not.
  void change_written(Task& task, StoreAnsweredEvent& event);
  void carry_out(Task& task, const SetTaskStateRequest& request);
  void carry_out(Task& task, const std::string& reason, const RollBackModelRequest& request,
                 StoredModel model);
  void carry_out(Task& task, const std::string& reason, EditTaskRequest& request);
  [[nodiscard]] Act act_of(const TaskChange& change, const Task& task, Steering& next) const;
  void abort_rounds(Task& task, const std::string& reason);
  // Rounds whose outcome is decided, too, as long as it is not written.
  void give_up_rounds(Task& task, const std::string& reason);
  // It may open its next round at once.
  void clear_pause(Task& task);
  void delete_task(Task& task, const std::string& reason);
  [[nodiscard]] TaskChange take_change(Task& task);

  // ---- devices.cc ----
  [[nodiscard]] const Ban* find_ban(const Visitor& visitor) const;
  [[nodiscard]] proto::RetryWindow banned_window(const Ban& ban) const;
  void ban_written(CallId call, const SetBanRequest& request);
  void ban_lifted(CallId call, const LiftBanRequest& request);
  [[nodiscard]] proto::DeviceStatus status_of(const DeviceRecord& record);
  [[nodiscard]] proto::DeviceStatus status_of_turned_away(const DeviceRecord& record);
  // "task 'gait': why; ..."
  [[nodiscard]] std::string kept_from(const DeviceKey& device) const;
  // Those that go by this id or identity; all for an empty one.
  [[nodiscard]] std::vector<proto::DeviceStatus> devices(const std::string& device, std::size_t count_max);

  // ---- administration.cc ----
  [[nodiscard]] Status check_servable(const proto::Plan& plan);
  [[nodiscard]] static Status already_complete(const Task& task);
  // What plans of one-shot sessions name.
  [[nodiscard]] HelperDigests helper_digests() const;
  [[nodiscard]] proto::TaskStatus status_of(const Task& task);
  void task_created(CallId call, CreateTaskRequest& request, StoreReply& reply);
  void model_loaded(const LoadModelRequest& request, StoreReply& reply);
  void reply_chunk(CallId call, const std::vector<std::uint8_t>& model, std::uint64_t offset);
  void add_task(StoredTask stored);

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
  Census without_task_{kSeenLately, limits::kDeviceRecordsMax};  // devices of populations that have none
  VisitTable visits_;
  std::map<std::string, Ban> bans_;
  DeviceRecords records_;
  HeldCalls held_calls_;
  Deadlines deadlines_;
  std::set<TaskId> marked_;
  // The authority and its bulletin in force; nullptr without an identity of our own.
  std::shared_ptr<const TrustInForce> in_force_;
  const AccessKey own_access_;
  const crypto::Digest own_identity_;  // zero without one
  RecentSet<AccessKey::Nonce> used_challenges_{AccessKey::kChallengeHolds};
  std::uint64_t verifications_made_ = 0;
  std::map<VerificationId, std::variant<PendingCheckIn, SessionToken, PendingOffer>> verifying_;
  // What the log was told lately, so that it is not told again at every call of somebody who goes on.
  RecentSet<std::string> said_{kSaidFor, kSaidMax};
  RecentSet<std::string> said_of_strangers_{kSaidFor, kSaidMax};  // apart, for strangers can fill it
  HelperEvent helpers_;                                           // how they were last
  // Requests to the store that a caller waits for.
  std::uint64_t store_calls_made_ = 0;
  std::map<StoreCallId, CallId> store_calls_;
  std::map<ModelKey, std::vector<WaitingFetch>> loading_;
  std::size_t fetches_waiting_ = 0;
  std::size_t changes_waiting_ = 0;
  std::size_t tasks_in_creation_ = 0;
  std::optional<OlderModel> older_model_;
  Tally tally_;
  std::uint64_t unknown_visits_ = 0;  // calls refused for their token since the last notice
  Time now_;                          // of the step in progress
  std::vector<Action> actions_;       // of the step in progress; between steps, of adopt()
};

}  // namespace sotto::server
