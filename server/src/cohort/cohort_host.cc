#include "sotto/server/cohort_host.h"

#include <map>
#include <mutex>
#include <utility>

#include "cohort/cohort_machine.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::server {
namespace {

// By what the authority has made known when the cohort opens. Borrows from `open`.
Status believe(const OpenCohort& open, std::optional<secagg::Trust>& authority) {
  if (open.bulletin.empty() || !authority) return {};
  const secagg::BulletinVerdict verdict = secagg::take_bulletin(open.bulletin, *authority);
  const bool known = verdict == secagg::BulletinVerdict::kTaken || verdict == secagg::BulletinVerdict::kKnown;
  return known ? Status() : failed_precondition(describe(verdict));
}

Result<std::unique_ptr<aggregator::CohortSession>> make_session(const proto::Plan& plan,
                                                                const OpenCohort& open, Time now,
                                                                Random& random,
                                                                const CohortHostOptions& options) {
  std::optional<secagg::Trust> authority = options.authority;
  SOTTO_RETURN_IF_ERROR(believe(open, authority));
  if (plan.aggregation.kind != proto::Aggregation::kOneShot) {
    return aggregator::make_cohort_session(plan, open.plan, random, authority, unix_seconds(now));
  }
  const bool enrolled = authority.has_value() && options.coordinator != nullptr;
  SOTTO_RETURN_IF_ERROR(check_one_shot(!options.helpers.empty(), enrolled));
  return aggregator::make_one_shot_session(
      plan, open.plan,
      {.authority = *authority,
       .plan_credential = open.plan_credential.value_or(secagg::Credential{}),
       .coordinator = *options.coordinator,
       .helpers = options.helpers,
       .check_key = open.check_key,
       .now = unix_seconds(now)},
      random);
}

}  // namespace

Status check_one_shot(bool has_helper, bool has_authority) {
  if (!has_helper) {
    return failed_precondition(
        "aggregation one_shot needs a helper, which this coordinator does not have: restart it with the "
        "helper's address and key (sotto serve --helper)");
  }
  if (!has_authority) {
    return failed_precondition(
        "aggregation one_shot needs enrolled devices, and this coordinator has no authority");
  }
  return {};
}

struct CohortHost::Impl {
  MakeCohortSession make;
  std::mutex mutex{};  // of `cohorts`: finish() looks one up from another thread
  std::map<CohortAddress, CohortMachine> cohorts{};

  void open(const CohortAddress& address, const OpenCohort& command, Time now, CohortMachine::Events& events);
  void handle(const CohortAddress& address, const CohortCommand& command, Time now,
              CohortMachine::Events& events);
};

CohortHost::CohortHost(Random& random, const CohortHostOptions& options)
    : CohortHost([&random, options](const proto::Plan& plan, const OpenCohort& open, Time now) {
        return make_session(plan, open, now, random, options);
      }) {}

CohortHost::CohortHost(MakeCohortSession make) : impl_(new Impl{.make = std::move(make)}) {}

CohortHost::~CohortHost() = default;

void CohortHost::Impl::open(const CohortAddress& address, const OpenCohort& command, Time now,
                            CohortMachine::Events& events) {
  Result<proto::Plan> plan = proto::decode_plan(command.plan);
  auto session =
      plan ? make(*plan, command, now) : Result<std::unique_ptr<aggregator::CohortSession>>(plan.error());
  if (!session) {
    events.push_back(CohortFailed{session.error().message()});
    return;
  }
  cohorts.try_emplace(address, std::move(*session),
                      CohortMachine::Rules{.phase_deadline_ms = command.phase_deadline_ms,
                                           .straggler_grace_ms = command.straggler_grace_ms,
                                           .dropout_fraction = plan->aggregation.dropout_fraction});
}

void CohortHost::Impl::handle(const CohortAddress& address, const CohortCommand& command, Time now,
                              CohortMachine::Events& events) {
  if (const auto* open_command = std::get_if<OpenCohort>(&command))
    return open(address, *open_command, now, events);
  const auto found = cohorts.find(address);
  if (found == cohorts.end()) return;
  CohortMachine& cohort = found->second;
  if (const auto* admit = std::get_if<AdmitToCohort>(&command)) {
    cohort.admit(*admit, events);
  } else if (const auto* message = std::get_if<CohortMessage>(&command)) {
    cohort.take(*message, now, events);
  } else if (const auto* leave = std::get_if<LeaveCohort>(&command)) {
    cohort.leave(leave->seat, now, events);
  } else if (const auto* close = std::get_if<CloseCohortStep>(&command)) {
    cohort.close_step(close->step, now, events);
  } else {
    cohorts.erase(found);
  }
}

std::vector<CohortEvent> CohortHost::step(const CohortAddress& cohort, const CohortCommand& command,
                                          Time now) {
  CohortMachine::Events events;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->handle(cohort, command, now, events);
  }
  std::vector<CohortEvent> addressed;
  addressed.reserve(events.size());
  for (auto& event : events) addressed.push_back({cohort, std::move(event)});
  return addressed;
}

CohortEvent CohortHost::finish(const CohortAddress& cohort, Executor& executor) {
  std::unique_ptr<aggregator::CohortSession> session;
  std::vector<Seat> seats;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->cohorts.find(cohort);
    if (found != impl_->cohorts.end()) {
      session = found->second.take_session();
      seats = found->second.seats();
    }
  }
  if (session == nullptr) return {cohort, CohortFinished{aborted("the cohort is not ready to finish"), {}}};
  CohortFinished finished{session->finish(executor), {}};
  for (const ParticipantIndex index : session->dishonest()) {
    if (index.value < seats.size()) finished.dishonest.push_back(seats[index.value]);
  }
  finished.helper_restarted = session->helper_restarted();
  return {cohort, std::move(finished)};
}

}  // namespace sotto::server
