#include "sotto/server/coordinator.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "coordinator/core.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::server {

Result<std::unique_ptr<Coordinator>> Coordinator::open(std::vector<StoredTask> tasks, Random& random,
                                                       const CoordinatorOptions& options, Time now) {
  if (options.hold_call_ms < 0 || options.hold_call_ms > limits::kHoldCallMsMax) {
    return invalid_argument(
        fmt::format("hold_call_ms is {}, allowed is 0 to {}", options.hold_call_ms, limits::kHoldCallMsMax));
  }
  if (options.retry_min_ms > options.retry_max_ms) {
    return invalid_argument(fmt::format("retry_min_ms ({}) is above retry_max_ms ({})", options.retry_min_ms,
                                        options.retry_max_ms));
  }
  if (options.rounds_open_max < 1 || options.rounds_open_max > limits::kRoundsOpenMax) {
    return invalid_argument(fmt::format("rounds_open_max is {}, allowed is 1 to {}", options.rounds_open_max,
                                        limits::kRoundsOpenMax));
  }
  if (options.helper_keys.size() > secagg::kHelpersMax ||
      (options.helper_keys.size() == 2 && options.helper_keys[0] == options.helper_keys[1])) {
    return invalid_argument("a coordinator has one mask helper, or two of different keys");
  }
  auto core = std::make_unique<Core>(random, options);
  core->adopt(std::move(tasks), now);
  return std::unique_ptr<Coordinator>(std::move(core));
}

Core::Core(Random& random, const CoordinatorOptions& options)
    : random_(random),
      options_(options),
      records_(std::chrono::milliseconds(options.failing_wait_ms), limits::kDeviceRecordsMax),
      in_force_(options.identity == nullptr ? nullptr
                                            : std::make_shared<const TrustInForce>(options.identity->trust)),
      own_access_(random),
      own_identity_(options.identity == nullptr
                        ? crypto::Digest{}
                        : secagg::identity_of(options.identity->signer.public_key())) {
  for (const Ban& ban : options.bans) bans_.emplace(ban.device, ban);
}

std::vector<Action> Core::step(Event event, Time now) {
  now_ = now;
  visits_.forget_ended(now);
  tell_of_calls();
  run_deadlines();
  settle();
  expire_held_calls();
  std::visit([this](auto& any) { handle(any); }, event);
  settle();
  expire_held_calls();
  return std::exchange(actions_, {});
}

// What was asked for when tasks were taken in waits for the first step.
Time Core::next_deadline() const {
  return actions_.empty() ? std::min(deadlines_.next(), held_calls_.next()) : now_;
}

void Core::run_deadlines() {
  while (const std::optional<DeadlineKey> due = deadlines_.pop_due(now_)) {
    Task* task = find_task(due->task);
    if (task == nullptr) continue;
    Round* round = task->find_round(due->round);
    const Cohort* cohort = round == nullptr ? nullptr : round->find_cohort(due->cohort);
    switch (due->kind) {
      case DeadlineKey::Kind::kNextRound:
        task->next_round_at = kNever;
        break;
      case DeadlineKey::Kind::kRecord:
      case DeadlineKey::Kind::kLate:
      case DeadlineKey::Kind::kStalled:
        break;  // record and round know their times
      case DeadlineKey::Kind::kReserve:
        task->reserve_at = kNever;
        break;
      case DeadlineKey::Kind::kJoining:
        if (round != nullptr) round->joining_is_over();
        break;
      case DeadlineKey::Kind::kStep:
        if (cohort != nullptr) command(*round, cohort->id, CloseCohortStep{cohort->step});
        break;
    }
    mark(*task);
  }
}

void Core::expire_held_calls() {
  while (const auto due = held_calls_.pop_due(now_)) {
    Visit* visit = visits_.find(due->second);
    SOTTO_CHECK(visit != nullptr);
    if (visit->asking) {
      visit->overdue = true;
      held_calls_.hold_untimed(due->first, due->second);
      continue;
    }
    visit->held.reset();
    reply(due->first, proto::ExchangeReply(keep_waiting(*visit)));
  }
}

void Core::handle(CallCancelledEvent& event) {
  const std::optional<SessionToken> token = held_calls_.release(event.call);
  if (!token) {
    std::erase_if(verifying_, [&](const auto& pending) {
      const auto* check_in = std::get_if<PendingCheckIn>(&pending.second);
      const auto* offer = std::get_if<PendingOffer>(&pending.second);
      return (check_in != nullptr && check_in->event.call == event.call) ||
             (offer != nullptr && offer->event.call == event.call);
    });
    return;
  }
  if (Visit* visit = visits_.find(*token)) visit->held.reset();
}

// Cohorts that are open go on by the one that was in force when they began.
void Core::handle(BulletinEvent& event) {
  if (!event.problem.empty()) return notice(NoticeAction::Level::kWarning, std::move(event.problem));
  secagg::Bulletin bulletin;
  SOTTO_CHECK(in_force_ && accepted(secagg::decode_bulletin(event.bulletin, bulletin)));
  notice(NoticeAction::Level::kInfo,
         fmt::format("edition {} of the authority's bulletin is in force: {} identities revoked, and every "
                     "endorsement of an epoch below {}",
                     bulletin.edition, bulletin.revoked.size() / sizeof(crypto::Digest),
                     bulletin.endorsements_from));
  in_force_ = std::make_shared<const TrustInForce>(options_.identity->trust, std::move(event.bulletin));
}

void Core::handle(HelperEvent& event) {
  if (event.stopping == helpers_.stopping && event.unusable == helpers_.unusable) return;
  helpers_ = std::move(event);
  for (auto& [id, task] : tasks_) {
    if (task.stored.spec.aggregation.kind != proto::Aggregation::kOneShot) continue;
    task.helpers_are = helpers_;
    mark(task);
  }
  if (!helpers_.unusable.empty()) {
    return notice(NoticeAction::Level::kWarning, "one-shot tasks wait for " + helpers_.unusable);
  }
  notice(NoticeAction::Level::kInfo, helpers_.stopping
                                         ? "the mask helper is about to stop: no one-shot round begins until "
                                           "it is back"
                                         : "the mask helper is back: one-shot rounds begin again");
}

bool Core::is_done_with_helpers() const {
  if (!helpers_.stopping) return false;
  for (const auto& [task_id, task] : tasks_) {
    for (const auto& [id, round] : task.rounds) {
      if (round.one_shot() && round.issued()) return false;
    }
  }
  return true;
}

void Core::notice(NoticeAction::Level level, std::string text) {
  actions_.push_back(NoticeAction{level, std::move(text)});
}

void Core::tell_of_calls() {
  std::optional<std::string> line = tally_.report(now_);
  if (!line) return;
  const Visit* longest = nullptr;
  std::size_t places = 0;
  visits_.for_each_live([&](const Visit& visit) {
    ++places;
    if (longest == nullptr || visit.round_issued < longest->round_issued) longest = &visit;
  });
  if (longest != nullptr) {
    *line +=
        fmt::format("; {} devices hold places, '{}' in the oldest round, {} of task '{}', for {} s", places,
                    longest->device_id(), longest->round.value, find_task(longest->task)->stored.spec.name,
                    (now_ - longest->round_issued).count() / 1000);
  }
  notice(NoticeAction::Level::kInfo, std::move(*line));
}

void Core::warn_once(const std::string& about, std::string text) {
  if (said_.insert(about, now_)) notice(NoticeAction::Level::kWarning, std::move(text));
}

void Core::command(const Round& round, CohortId cohort, CohortCommand command) {
  actions_.push_back(CohortAction{{round.plan().task, round.id(), cohort}, std::move(command)});
}

void Core::hold(Visit& visit, CallId call) {
  SOTTO_CHECK(!visit.held);
  visit.held = call;
  visit.asking = visit.overdue = false;
  held_calls_.hold(call, visit.token, now_ + std::chrono::milliseconds(options_.hold_call_ms));
}

std::optional<CallId> Core::release_held(Visit& visit) {
  const std::optional<CallId> call = std::exchange(visit.held, std::nullopt);
  visit.asking = visit.overdue = false;
  if (call) held_calls_.release(*call);
  return call;
}

void Core::answer_held(Visit& visit, proto::ExchangeReply answer) {
  if (const std::optional<CallId> call = release_held(visit)) reply(*call, std::move(answer));
}

void Core::end_visit(Visit& visit, proto::ExchangeReply answer) {
  const auto* end = std::get_if<proto::SessionEnd>(&answer);
  if (end != nullptr && end->counted) records_.counted(visit.visitor, now_);
  answer_held(visit, answer);
  visits_.end(visit, std::move(answer), now_);
}

proto::KeepWaiting Core::keep_waiting(const Visit& visit) {
  Round* round = round_of(visit);
  if (round == nullptr) return {poll_window(options_, "")};
  if (visit.stage == Visit::Stage::kInCohort) {
    return {poll_window(options_, describe_waiting(*round, *round->find_cohort(visit.cohort)))};
  }
  return {poll_window(options_, fmt::format("round {}: {} of {} devices have joined", round->id().value,
                                            round->joined(), round->spec().participants))};
}

// Any task of the population may be the one that has a place first.
proto::RetryWindow Core::window_for(const Task& task, std::string reason) {
  Population& population = population_of(task);
  const Task* soonest = &task;
  std::int64_t wait_ms = task.next_round_in_ms(now_, options_.retry_max_ms);
  for (const TaskId id : population.tasks) {
    const Task& other = *find_task(id);
    if (wait_ms == 0 || !has_devices_for(other)) continue;
    const std::int64_t other_ms = other.next_round_in_ms(now_, options_.retry_max_ms);
    if (other_ms >= wait_ms) continue;
    soonest = &other;
    wait_ms = other_ms;
  }
  const std::uint64_t devices = std::max<std::uint64_t>(population.census.count(now_), soonest->turned_away);
  if (wait_ms >= options_.retry_max_ms) return idle_window(options_, devices, std::move(reason));
  return retry_window(options_,
                      {.expected_ms = wait_ms,
                       .devices = devices,
                       .places = soonest->stored.spec.participants,
                       .round_ms = soonest->round_ms},
                      std::move(reason));
}

Task* Core::find_task(TaskId id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

Task* Core::find_task(const std::string& name) {
  const auto found = task_ids_.find(name);
  return found == task_ids_.end() ? nullptr : find_task(found->second);
}

Round* Core::round_of(const Visit& visit) {
  Task* task = find_task(visit.task);
  return task == nullptr ? nullptr : task->find_round(visit.round);
}

}  // namespace sotto::server
