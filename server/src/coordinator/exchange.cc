// What devices send within their session.
#include <fmt/core.h>

#include <utility>

#include "coordinator/core.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"
#include "sotto/secagg/wire.h"

namespace sotto::server {
namespace {

// Whether a join payload has the length the round's aggregation asks for. Keys are judged when the cohort
// forms.
Rejection check_join_length(const proto::Plan& plan, std::size_t bytes) {
  if (plan.aggregation.kind == proto::Aggregation::kOneShot) {
    const std::size_t message =
        secagg::one_shot_header_bytes(plan.helper_count()) + proto::ring_layout(plan).message_bytes();
    return bytes == message ? Rejection::kNone : Rejection::kWrongLength;
  }
  const bool secure = plan.aggregation.kind == proto::Aggregation::kSecure;
  const std::size_t join = secure ? secagg::join_bytes(plan.aggregation.adversary) : 0;
  return bytes == join ? Rejection::kNone : Rejection::kMalformed;
}

bool vector_in_sum(Round& round, const Visit& visit) {
  return visit.stage == Visit::Stage::kInCohort &&
         round.find_cohort(visit.cohort)->places[visit.seat.value].in_sum;
}

}  // namespace

void Core::handle(ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  Visit* visit = visits_.find(request.token);
  if (visit == nullptr) {
    ++unknown_visits_;
    const proto::RetryWindow window = retry_window(options_, {.expected_ms = 0, .devices = visits_.size()},
                                                   "the session is unknown: check in again");
    return reply(event.call, proto::ExchangeReply(proto::Refused{Rejection::kUnknownSession, window}));
  }
  // A device has one call outstanding: it has given up the older one.
  if (visit->held) answer_held(*visit, keep_waiting(*visit));
  if (visit->stage == Visit::Stage::kEnded) {
    // A device that had lost power would not know this token any more.
    if (!visit->replaced_from.empty()) warn_of_copy(*visit, visit->replaced_from);
    if (std::exchange(visit->taken_for_silent, false)) {
      records_.turned_up(visit->visitor, now_);
      find_task(visit->task)->report_times.add((now_ - visit->round_issued).count());
    }
    return reply(event.call, visit->end);
  }
  Task& task = *find_task(visit->task);
  Round& round = *round_of(*visit);
  if (round.joining()) saw(task.stored.spec.population, visit->device_id());
  round.count_uplink(request.payload.size());
  if (request.poll && !request.payload.empty()) {
    return refuse(task, round, *visit, event.call, Rejection::kMalformed);
  }
  switch (visit->stage) {
    case Visit::Stage::kTraining:
      return take_join(task, round, *visit, event);
    case Visit::Stage::kVerifying:
    case Visit::Stage::kContributing:
    case Visit::Stage::kJoined:
      return repeat_join(task, round, *visit, event);
    case Visit::Stage::kInCohort:
      return pass_to_cohort(round, *visit, event);
    case Visit::Stage::kEnded:
      return;
  }
}

void Core::take_join(Task& task, Round& round, Visit& visit, ExchangeEvent& event) {
  if (!round.joining()) {
    too_late(task, round, visit);
    return reply(event.call, visit.end);
  }
  if (event.request.step != proto::Step::kJoin || event.request.poll) {
    return refuse(task, round, visit, event.call, Rejection::kWrongPhase);
  }
  if (const Rejection rejection = check_join_length(round.plan(), event.request.payload.size());
      !accepted(rejection)) {
    return refuse(task, round, visit, event.call, rejection);
  }
  if (event.request.plan_digest != round.plan_digest()) {
    return refuse(task, round, visit, event.call, Rejection::kWrongModel);
  }
  mark(task);
  hold(visit, event.call);
  if (proto::takes_enrolled_only(round.plan().aggregation)) {
    return verify_join(task, round, visit, std::move(event.request.payload));
  }
  joined(round, visit, std::move(event.request.payload));
}

void Core::too_late(Task& task, const Round& round, Visit& visit) {
  task.report_times.add((now_ - visit.round_issued).count());
  const std::string name = fmt::format("round {}", round.id().value);
  end_visit(visit, proto::SessionEnd{.counted = false,
                                     .outcome = name + " went on without this device: it joined too late",
                                     .window = window_for(task, "waiting for the round after " + name)});
}

void Core::verify_join(Task& task, Round& round, Visit& visit, std::vector<std::uint8_t> payload) {
  const crypto::Digest& plan_digest = round.plan_digest();
  visit.stage = Visit::Stage::kVerifying;
  if (round.one_shot()) {
    verifying_.emplace(
        begin_verification(OneShotContribution{std::move(payload), plan_digest, round.plan().helper_count()}),
        visit.token);
    return;
  }
  secagg::JoinMessage join;
  Rejection rejection = secagg::decode_join(payload, round.plan().aggregation.adversary, join);
  if (accepted(rejection) && secagg::identity_of(join.credential.key) != visit.visitor.identity) {
    rejection = Rejection::kBadSignature;
  }
  if (!accepted(rejection)) return refuse(task, round, visit, release_held(visit), rejection);
  const secagg::Statement joins =
      secagg::join_statement(plan_digest, Bytes(payload).first(secagg::kAdvertiseBytes));
  visit.join_payload = std::move(payload);
  verifying_.emplace(begin_verification(signed_statement(join.credential, joins)), visit.token);
}

void Core::join_verified(const SessionToken& token, VerifiedEvent& event) {
  Visit* visit = visits_.find(token);
  if (visit == nullptr || visit->stage != Visit::Stage::kVerifying) return;  // it has left
  Task& task = *find_task(visit->task);
  Round& round = *round_of(*visit);
  mark(task);
  if (!round.joining()) return too_late(task, round, *visit);
  Rejection rejection = event.verdict.rejection;
  if (accepted(rejection) && event.verdict.identity != visit->visitor.identity) {
    rejection = Rejection::kBadSignature;
  }
  if (!accepted(rejection)) {
    turned_away(visit->visitor, rejection);
    return refuse(task, round, *visit, release_held(*visit), rejection);
  }
  visit->verified_edition = event.verification.in_force->trust().edition;
  auto* contribution = std::get_if<OneShotContribution>(&event.verification.what);
  joined(round, *visit, std::move(contribution == nullptr ? visit->join_payload : contribution->message));
}

// A bulletin that came since may have revoked it: then its cohort finds out.
bool Core::is_verified(const Visit& visit) const {
  return visit.visitor.identity && visit.verified_edition == in_force_->trust().edition;
}

void Core::joined(Round& round, Visit& visit, std::vector<std::uint8_t> payload) {
  round.last_progress = now_;
  find_task(visit.task)->report_times.add((now_ - visit.round_issued).count());
  if (round.one_shot()) return take_contribution(round, visit, std::move(payload));
  visit.stage = Visit::Stage::kJoined;
  visit.join_payload = std::move(payload);
  round.device_joined(visit.token);
}

// One-shot rounds (PROTOCOL.md section 10): a device's join is its whole contribution. It goes into the sum
// of the round's one cohort at once, and the device is let go when the cohort says so.
void Core::take_contribution(Round& round, Visit& visit, std::vector<std::uint8_t> payload) {
  find_task(visit.task)->vectors_for = round.plan().model_version;
  if (round.cohorts().empty()) open_cohort(round, round.add_cohort());
  Cohort& cohort = *round.find_cohort(CohortId{0});
  visit.stage = Visit::Stage::kContributing;
  visit.cohort = cohort.id;
  visit.seat = Seat{static_cast<std::uint32_t>(cohort.places.size())};
  cohort.places.push_back({.token = visit.token, .device_id = visit.device_id(), .device = visit.key});
  visit.asking = visit.held.has_value();
  command(
      round, cohort.id,
      AdmitToCohort{.seat = visit.seat, .join_payload = std::move(payload), .verified = is_verified(visit)});
}

void Core::repeat_join(Task& task, Round& round, Visit& visit, const ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  const bool contributing = visit.stage == Visit::Stage::kContributing;
  const bool comparable = !round.one_shot();
  if (request.step != proto::Step::kJoin) {
    return refuse(task, round, visit, event.call, Rejection::kWrongPhase);
  }
  // A contribution is masked anew each time, so that its bytes tell nothing.
  if (comparable && !request.poll && request.payload != visit.join_payload) {
    return refuse(task, round, visit, event.call, Rejection::kDuplicate);
  }
  hold(visit, event.call);
  visit.asking = contributing;
}

void Core::pass_to_cohort(const Round& round, Visit& visit, ExchangeEvent& event) {
  hold(visit, event.call);
  visit.asking = true;
  command(round, visit.cohort,
          CohortMessage{.seat = visit.seat,
                        .call = event.call,
                        .step = event.request.step,
                        .poll = event.request.poll,
                        .payload = std::move(event.request.payload)});
}

void Core::refuse(Task& task, Round& round, Visit& visit, std::optional<CallId> call, Rejection rejection) {
  round.refusals.add(rejection);
  const proto::Refused refused{rejection, window_for(task, describe(rejection))};
  if (call) reply(*call, proto::ExchangeReply(refused));
  if (recoverable(rejection)) return;
  device_failed(visit, DeviceRecord::Outcome::kRefused, describe(rejection));
  depart(visit, refused, {.reason = describe(rejection)});
}

void Core::handle(AbandonEvent& event) {
  reply(event.call, AbandonReply{});
  Visit* visit = visits_.find(event.request.token);
  if (visit == nullptr || visit->stage == Visit::Stage::kEnded) return;
  Task& task = *find_task(visit->task);
  Round& round = *round_of(*visit);
  if (event.request.ledger) plan_refused_by_ledger(task, round, *visit, *event.request.ledger);
  const bool counted = vector_in_sum(round, *visit);
  const std::string outcome =
      std::string("the device left its session") + (counted ? "; its update is in the sum" : "");
  const proto::RetryWindow window = window_for(task, "waiting for the next round");
  const std::string reason = shown_reason(event.request.reason);
  const bool by_ledger = event.request.ledger.has_value();
  // No failure of its own: it goes on with other tasks, and this one's places go to others.
  const bool by_owner = event.request.plan_refused && !by_ledger && visit->stage == Visit::Stage::kTraining;
  if (by_owner) {
    task.spent.note_refusal(visit->key, reason, now_);
    tell_of_leaving(*visit, reason);
  }
  // A contribution that is on its way counts, whatever becomes of its device.
  if (!counted && !by_ledger && !by_owner && visit->stage != Visit::Stage::kContributing) {
    device_failed(*visit, DeviceRecord::Outcome::kLeft, reason);
    tell_of_leaving(*visit, reason);
  }
  const bool unused = by_ledger || by_owner;
  depart(*visit, proto::SessionEnd{.counted = counted, .outcome = outcome, .window = window},
         {.reason = reason, .may_return = !unused && round.joining(), .plan_unused = unused});
}

void Core::device_failed(const Visit& visit, DeviceRecord::Outcome how, std::string_view reason) {
  records_.failed(visit.visitor, how, reason, now_);
}

// Once for each device, however often it comes and leaves.
void Core::tell_of_leaving(const Visit& visit, std::string_view reason) {
  RecentSet<std::string>& said = visit.visitor.identity ? said_ : said_of_strangers_;
  if (!said.insert("left " + visit.key, now_)) return;
  const Task& task = *find_task(visit.task);
  notice(NoticeAction::Level::kWarning,
         fmt::format("task '{}', round {}: device '{}' left and gave nothing: {}", task.stored.spec.name,
                     visit.round.value, visit.device_id(), reason.empty() ? "it gave no reason" : reason));
}

void Core::plan_refused_by_ledger(Task& task, Round& round, const Visit& visit,
                                  const proto::LedgerReport& report) {
  task.spent.note(visit.key, report, round.plan().model_version, now_);
  const ModelVersion version = round.plan().model_version;
  const bool newest = version == task.stored.model.version;
  // One device's word is not enough: vectors for this version must have been asked for.
  if (report.refusal == proto::LedgerRefusal::kModelSpent && newest && task.vectors_for == version) {
    task.reissue_wanted = true;
  }
  if (report.refusal != proto::LedgerRefusal::kRoundUsed || report.last_round < round.id() ||
      std::exchange(task.set_back_noticed, true)) {
    return;
  }
  notice(
      NoticeAction::Level::kError,
      fmt::format("task '{}': device '{}' says that it has joined round {} already, and this is round {}: if "
                  "the database is an older copy, restart the coordinator with --raise-epoch",
                  task.stored.spec.name, visit.device_id(), report.last_round.value, round.id().value));
}

void Core::depart(Visit& visit, proto::ExchangeReply answer, const Leaving& leaving) {
  const Visit::Stage stage = visit.stage;
  end_visit(visit, std::move(answer));
  Round* round = round_of(visit);
  if (round == nullptr) return;
  mark(*find_task(visit.task));
  if (!leaving.may_return || stage == Visit::Stage::kContributing) round->departed.insert(visit.key);
  switch (stage) {
    case Visit::Stage::kTraining:
    case Visit::Stage::kVerifying:
      if (leaving.plan_unused && round->joining()) {
        return round->plan_unused(visit.device_id(), leaving.reason, place_of(visit));
      }
      return round->plan_lost(visit.device_id(), leaving.reason, place_of(visit));
    case Visit::Stage::kContributing:
      return;  // its cohort will say whether it joined
    case Visit::Stage::kJoined:
      return round->joiner_left(visit.device_id(), leaving.reason, place_of(visit));
    case Visit::Stage::kInCohort:
      return command(*round, visit.cohort, LeaveCohort{visit.seat});
    case Visit::Stage::kEnded:
      return;
  }
}

}  // namespace sotto::server
