// Who gets a plan, and what everybody else is told.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "coordinator/core.h"
#include "sotto/base/hex.h"
#include "sotto/base/limits.h"

namespace sotto::server {
namespace {

// Within one round, of one device: it may lose power, but not at every check-in.
constexpr std::uint32_t kBeginsAnewMax = 2;
constexpr const char* kNameRule = " must be 1 to 64 bytes of letters, digits, '.', '_' and '-'";

bool can_train(const proto::CheckInRequest& request, const proto::ModelSpec& model) {
  if (std::ranges::find(request.trainers, model.architecture) == request.trainers.end()) return false;
  if (model.architecture == proto::Architecture::kCustom &&
      std::ranges::find(request.custom_models, model.name.view()) == request.custom_models.end()) {
    return false;
  }
  return model.parameter_count() <= request.parameters_max;
}

// Why a task that suits the device has no place for it now.
std::string no_place(Task& task, bool departed) {
  const std::string name = fmt::format("task '{}': ", task.stored.spec.name);
  if (departed && task.selecting() != nullptr) {
    return name + "this device has left the present round, or is done with it; waiting for the next";
  }
  if (task.active() && !task.helpers_are.unusable.empty()) {
    return name + "waiting for " + task.helpers_are.unusable;
  }
  const Round* newest = task.newest_round();
  if (!task.active() && newest == nullptr) return name + describe_waiting(task).what;
  if (newest != nullptr && newest->joining() && task.active()) {
    return name + fmt::format("all {} plans of round {} are given; waiting for the next round",
                              newest->plans_max(), newest->id().value);
  }
  return name + "waiting for the next round (" + describe_waiting(task).what + ")";
}

}  // namespace

Status Core::check_version(std::uint32_t version) {
  if (version < proto::kOldestProtocolVersion) {
    return invalid_argument(
        fmt::format("the device speaks protocol version {}, this coordinator serves versions "
                    "from {} on: update the device's software",
                    version, proto::kOldestProtocolVersion));
  }
  if (version > proto::kProtocolVersion) {
    return invalid_argument(
        fmt::format("the device speaks protocol version {}, this coordinator serves versions "
                    "up to {}: update the coordinator first",
                    version, proto::kProtocolVersion));
  }
  return {};
}

// In the words of the device's owner.
Status Core::refusal_of(Rejection rejection) {
  const char* sentence = describe(rejection);
  if (rejection == Rejection::kRevoked) {
    sentence = "the authority has revoked this device, or all endorsements of its epoch: it needs a new one";
  }
  if (rejection == Rejection::kExpired) {
    sentence = "this device's endorsement has ended: its owner renews it with `sotto authority renew`";
  }
  return {StatusCode::kPermissionDenied, sentence};
}

Status Core::validate(const proto::CheckInRequest& request) const {
  SOTTO_RETURN_IF_ERROR(check_version(request.protocol_version));
  if (!proto::valid_name(request.device_id)) return invalid_argument(std::string("device_id") + kNameRule);
  if (!proto::valid_name(request.population)) return invalid_argument(std::string("population") + kNameRule);
  if (request.trainers.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument(fmt::format("trainers has {} entries, allowed are {}", request.trainers.size(),
                                        limits::kTrainersPerDeviceMax));
  }
  if (request.custom_models.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument(fmt::format("custom_models has {} entries, allowed are {}",
                                        request.custom_models.size(), limits::kTrainersPerDeviceMax));
  }
  return {};
}

// Who signs, or shows a pass, is let in as who it is; everybody else as a stranger, who may be asked to sign.
void Core::handle(CheckInEvent& event) {
  const proto::CheckInRequest& request = event.request;
  if (const Status status = validate(request); !status.ok()) return reply(event.call, status);
  if (const Ban* ban = find_ban({.device_id = request.device_id})) {
    return reply(event.call, proto::CheckInReply(banned_window(*ban)));
  }
  if (verify_check_in(event)) return;
  Visitor visitor{.device_id = request.device_id, .peer = event.peer, .address = event.address};
  if (in_force_) visitor.identity = access().check_pass(request.pass, now_);
  if (visitor.identity && in_force_->trust().is_revoked(*visitor.identity)) {
    turned_away(visitor, Rejection::kRevoked);
    return reply(event.call, refusal_of(Rejection::kRevoked));
  }
  welcome(event.call, {.request = request, .visitor = std::move(visitor)});
}

VerificationId Core::begin_verification(std::variant<SignedStatement, OneShotContribution> what) {
  const VerificationId id{++verifications_made_};
  actions_.emplace_back(
      VerifyAction{id, {.what = std::move(what), .in_force = in_force_, .now = unix_seconds(now_)}});
  return id;
}

bool Core::verify_check_in(CheckInEvent& event) {
  const std::optional<proto::CheckInProof>& proof = event.request.proof;
  if (!in_force_ || !proof) return false;
  const auto nonce = access().check_challenge(proof->challenge, event.request.device_id, now_);
  if (!nonce || used_challenges_.contains(*nonce)) return false;
  if (verifying_.size() >= limits::kVerificationsMax) {
    reply(event.call,
          proto::CheckInReply(retry_window(options_, {.expected_ms = 1'000, .devices = verifying_.size()},
                                           "the coordinator is overloaded: many devices show who they are")));
    return true;
  }
  const secagg::Statement statement =
      secagg::check_in_statement(own_identity_, proof->task, proof->challenge, event.request.device_id);
  const VerificationId id = begin_verification(signed_statement(proof->credential, statement));
  verifying_.emplace(id, PendingCheckIn{std::move(event), *nonce});
  return true;
}

void Core::check_in_verified(PendingCheckIn& pending, const Verdict& verdict) {
  const proto::CheckInRequest& request = pending.event.request;
  const CallId call = pending.event.call;
  Visitor visitor{.device_id = request.device_id,
                  .identity = verdict.identity,
                  .peer = pending.event.peer,
                  .address = pending.event.address};
  if (!accepted(verdict.rejection)) {
    turned_away(visitor, verdict.rejection);
    return reply(call, refusal_of(verdict.rejection));
  }
  // The same signature may have come twice at once.
  if (!used_challenges_.insert(pending.nonce, now_)) visitor.identity.reset();
  welcome(call, {.request = request, .visitor = std::move(visitor), .only = request.proof->task});
}

void Core::handle(VerifiedEvent& event) {
  auto found = verifying_.extract(event.id);
  if (found.empty()) return;
  if (auto* check_in = std::get_if<PendingCheckIn>(&found.mapped())) {
    return check_in_verified(*check_in, event.verdict);
  }
  if (auto* offer = std::get_if<PendingOffer>(&found.mapped())) return offer_verified(*offer, event.verdict);
  join_verified(std::get<SessionToken>(found.mapped()), event);
}

void Core::turned_away(const Visitor& visitor, Rejection rejection) {
  records_.turned_away(visitor, refusal_of(rejection).message(), now_);
  const std::string identity = visitor.identity ? to_hex(Bytes(*visitor.identity).first(8)) + "..." : "none";
  warn_of_stranger(
      visitor, describe(rejection),
      fmt::format("whoever calls itself '{}' (and shows the identity {}) at {} is turned away: {}",
                  visitor.device_id, identity, visitor.peer, describe(rejection)));
}

// Nothing of what it shows is proven, and it may show anything: an address is all that can be told apart.
void Core::warn_of_stranger(const Visitor& visitor, const std::string& about, std::string text) {
  if (said_of_strangers_.insert(about + " " + visitor.address, now_)) {
    notice(NoticeAction::Level::kWarning, std::move(text));
  }
}

void Core::welcome(CallId call, const Guest& guest) {
  if (const Ban* ban = find_ban(guest.visitor)) return reply(call, proto::CheckInReply(banned_window(*ban)));
  saw(guest.request.population, guest.visitor.device_id);
  // Once a device has shown who it is, what was known of its name alone is about it.
  if (guest.visitor.identity) records_.forget({.device_id = guest.visitor.device_id});
  records_.seen(guest.visitor, now_);
  if (const auto window = replace_visit_of(guest.visitor)) {
    return reply(call, proto::CheckInReply(*window));
  }
  auto answer = assign(guest);
  std::visit([&](auto& body) { reply(call, std::move(body)); }, answer);
}

void Core::warn_of_copy(const Visit& visit, const std::string& other_peer) {
  records_.cloned(visit.visitor, now_);
  warn_once(
      "copy " + visit.key,
      fmt::format("device '{}' takes part from {} and, at the same time, from {}: two devices share its {}",
                  visit.device_id(), visit.visitor.peer, other_peer,
                  visit.visitor.identity
                      ? fmt::format("identity {}... (a copied card?): enrol one of them anew, and revoke it",
                                    to_hex(Bytes(*visit.visitor.identity).first(8)))
                      : std::string("id")));
}

// A device that lost power checks in anew. While its round is joining it gives its place in it back.
std::optional<proto::RetryWindow> Core::replace_visit_of(const Visitor& visitor) {
  Visit* visit = visits_.live_visit_of(visitor.key());
  if (visit == nullptr) return std::nullopt;
  const proto::SessionEnd replaced{.counted = false, .outcome = "the device checked in again", .window = {}};
  Task& task = *find_task(visit->task);
  Round& round = *round_of(*visit);
  Round::BegunAnew& anew =
      round.begun_anew.try_emplace(visit->key, Round::BegunAnew{0, visit->visitor.peer}).first->second;
  if (++anew.times > kBeginsAnewMax) {
    device_failed(*visit, DeviceRecord::Outcome::kSilent, "it began anew again and again within one round");
    warn_of_copy(*visit, visitor.peer == visit->visitor.peer ? anew.first_peer : visitor.peer);
    return window_for(task,
                      "this device has begun anew too often in this round, or another one goes by its "
                      "name; waiting for the next round");
  }
  if (visit->place_given_on) {
    device_failed(*visit, DeviceRecord::Outcome::kSilent, "it began anew after it had been waited for");
  }
  visit->replaced_from = visitor.peer;
  mark(task);
  if (round.joining() && visit->stage != Visit::Stage::kContributing) {
    if (visit->stage == Visit::Stage::kJoined) {
      round.joiner_returned(visit->token, place_of(*visit));
    } else {
      round.plan_returned(visit->token, place_of(*visit));
    }
    end_visit(*visit, replaced);
    return std::nullopt;
  }
  // A contribution cannot be taken back; what it had joined with can: it may take another plan, should there
  // be one.
  depart(*visit, replaced, {.may_return = true});
  return std::nullopt;
}

std::variant<Status, proto::CheckInReply> Core::assign(const Guest& guest) {
  const auto found = populations_.find(guest.request.population);
  if (found == populations_.end()) {
    return proto::CheckInReply(
        idle_window(options_, without_task_.count(now_),
                    fmt::format("no task for population '{}'", guest.request.population)));
  }
  if (visits_.size() >= limits::kSessionsMax) visits_.forget_ended(now_, true);
  if (visits_.size() >= limits::kSessionsMax) {
    return proto::CheckInReply(
        idle_window(options_, limits::kSessionsMax, "the coordinator serves as many devices as it can"));
  }
  Search search;
  for (Task* task : tasks_in_turn(found->second)) {
    if (auto offer = find_place(*task, guest, search)) return proto::CheckInReply(std::move(*offer));
  }
  return without_place(guest, search);
}

std::optional<proto::PlanOffer> Core::find_place(Task& task, const Guest& guest, Search& search) {
  const proto::TaskSpec& spec = task.stored.spec;
  const DeviceKey key = guest.visitor.key();
  if (task.stored.state == proto::TaskState::kComplete) return std::nullopt;
  if (guest.only && *guest.only != task.stored.id) return std::nullopt;
  if (!can_train(guest.request, spec.model)) {
    const std::uint64_t parameters = spec.model.parameter_count();
    search.unsuitable =
        parameters > guest.request.parameters_max
            ? fmt::format("task '{}' trains a model of {} parameters, and this device takes {} at most",
                          spec.name, parameters, guest.request.parameters_max)
            : fmt::format("task '{}' trains a model that this device cannot", spec.name);
    task.cannot_train = search.unsuitable;
    return std::nullopt;
  }
  const bool stranger = proto::takes_enrolled_only(spec.aggregation) && !guest.visitor.identity;
  if (stranger && !guest.request.enrolled) {
    search.unsuitable = fmt::format(
        "task '{}' takes enrolled devices only, and this one has shown no identity (--identity): "
        "`sotto authority enroll` writes one",
        spec.name);
    search.enrolled_only = true;
    return std::nullopt;
  }
  if (const char* spent = task.spent.reason(key, task.stored.model.version, now_)) {
    search.unsuitable = fmt::format("task '{}': {}", spec.name, spent);
    return std::nullopt;
  }
  if (const std::string* refusal = task.spent.refusal(key, now_)) {
    search.unsuitable =
        fmt::format("task '{}', whose last plan this device refused: {}", spec.name, *refusal);
    return std::nullopt;
  }
  if (yields(task)) {
    mark(task);  // it may have to let go what it has
    search.unsuitable = fmt::format("task '{}' {}", spec.name, shortage(task));
    return std::nullopt;
  }
  if (const DeviceRecord* failing = stranger ? nullptr : records_.waits(guest.visitor, now_)) {
    search.failing = failing;
    return std::nullopt;
  }
  const Round* newest = task.newest_round();
  const bool departed = newest != nullptr && newest->departed.contains(key);
  Round* round = task.selecting();
  if (stranger && (round != nullptr || owns_place(task, guest))) {
    if (search.to_sign_for == nullptr) search.to_sign_for = &task;
    return std::nullopt;
  }
  if (round != nullptr && !departed) return give_plan(task, *round, guest);
  ++task.turned_away;
  const std::int64_t horizon = options_.retry_max_ms;
  if (search.soonest == nullptr ||
      task.next_round_in_ms(now_, horizon) < search.soonest->next_round_in_ms(now_, horizon)) {
    search.soonest = &task;
    search.soonest_departed = departed;
  }
  return std::nullopt;
}

// Perhaps: it goes by the name of a device that has a place in the round that is joining.
bool Core::owns_place(const Task& task, const Guest& guest) {
  const Visit* visit = visits_.live_visit_labelled(guest.request.device_id);
  if (visit == nullptr || visit->task != task.stored.id || !visit->visitor.identity) return false;
  const Round* round = round_of(*visit);
  return round != nullptr && round->joining();
}

std::variant<Status, proto::CheckInReply> Core::without_place(const Guest& guest, const Search& search) {
  if (search.to_sign_for != nullptr) {
    return proto::CheckInReply(
        proto::Challenge{.challenge = access().make_challenge(guest.request.device_id, random_, now_),
                         .task = search.to_sign_for->stored.id,
                         .coordinator = own_identity_});
  }
  if (search.failing != nullptr) return proto::CheckInReply(failing_window(*search.failing));
  if (search.soonest != nullptr) {
    return proto::CheckInReply(
        window_for(*search.soonest, no_place(*search.soonest, search.soonest_departed)));
  }
  const std::uint32_t devices = populations_.find(guest.request.population)->second.census.count(now_);
  if (search.enrolled_only) {
    warn_of_stranger(guest.visitor, "no identity",
                     fmt::format("whoever calls itself '{}' at {} shows no identity: {}",
                                 guest.visitor.device_id, guest.visitor.peer, search.unsuitable));
    return Status(StatusCode::kPermissionDenied, search.unsuitable);
  }
  if (guest.only && find_task(*guest.only) == nullptr) {
    return proto::CheckInReply(
        idle_window(options_, devices, "the task that the check-in was signed for is not there"));
  }
  if (!search.unsuitable.empty()) {
    return proto::CheckInReply(idle_window(options_, devices, search.unsuitable));
  }
  return proto::CheckInReply(idle_window(
      options_, devices, fmt::format("every task of population '{}' is complete", guest.request.population)));
}

// Its own failures are no reason to come back with the crowd.
proto::RetryWindow Core::failing_window(const DeviceRecord& record) const {
  const std::int64_t wait_ms = (record.plan_from - now_).count();
  return {.delay_min_ms = static_cast<std::uint32_t>(wait_ms),
          .delay_max_ms = static_cast<std::uint32_t>(wait_ms + wait_ms / 10),
          .reason = fmt::format("this device has failed {} times in a row and waits longer each time; the "
                                "last time: {}",
                                record.failures_in_a_row, record.reason)};
}

proto::PlanOffer Core::give_plan(Task& task, Round& round, const Guest& guest) {
  const Visitor& visitor = guest.visitor;
  if (const Visit* other = visits_.live_visit_labelled(visitor.device_id)) {
    warn_once("label " + visitor.device_id,
              fmt::format("two devices call themselves '{}', at {} and at {}: they have identities of their "
                          "own, so both take part, but logs cannot tell them apart; give one another id",
                          visitor.device_id, other->visitor.peer, visitor.peer));
  }
  records_.seen(visitor, now_);
  Visit& visit = visits_.create(random_, visitor, task.stored.id, round.id());
  // Its times count from the first plan: later ones do not put them off.
  if (!round.issued()) {
    round.issue(now_);
    if (round.one_shot() && round.plan().helper_count() > 1) {
      round.check_key.resize(secagg::kCheckKeyBytes);
      random_.fill(round.check_key);
    }
    deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kJoining, .round = round.id()},
                   round.joining_until());
  }
  visit.round_issued = Time{round.started_ms()};
  round.plan_given(visit.token);
  round.last_progress = now_;
  count_turn(task, round.places_taken() == 1);
  if (options_.identity != nullptr && !round.plan_credential) {
    secagg::Identity identity = *options_.identity;
    round.plan_credential = secagg::make_credential(identity.signer, identity.endorsement,
                                                    secagg::plan_statement(round.plan_bytes()));
  }
  mark(task);
  proto::PlanOffer offer{
      .token = visit.token, .plan = round.plan_bytes(), .credential = round.plan_credential};
  if (in_force_ && guest.request.bulletin_edition < in_force_->trust().edition) {
    offer.bulletin = in_force_->bulletin();
  }
  offer.check_key = round.check_key;
  const bool has_signed = guest.only.has_value();
  if (has_signed && visitor.identity) offer.pass = access().make_pass(*visitor.identity, now_);
  return offer;
}

}  // namespace sotto::server
