// Signed updates of boards' models: who is offered one, and what operators do to them. They are the store's;
// here is decided who asks, by the rules of a check-in.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "coordinator/core.h"
#include "sotto/base/limits.h"

namespace sotto::server {

// A task whose devices are strangers has nobody to ask for an identity; any other name may be that of boards
// whose task has not begun yet, or is over.
bool Core::updates_enrolled_only(const std::string& task) {
  if (!in_force_) return false;
  const Task* known = find_task(task);
  return known == nullptr || proto::takes_enrolled_only(known->stored.spec.aggregation);
}

std::optional<Status> Core::keeps_updates_from(const Visitor& visitor) {
  if (const Ban* ban = find_ban(visitor)) {
    return Status(StatusCode::kPermissionDenied, banned_window(*ban).reason);
  }
  if (visitor.identity && in_force_->trust().is_revoked(*visitor.identity)) {
    turned_away(visitor, Rejection::kRevoked);
    return refusal_of(Rejection::kRevoked);
  }
  return std::nullopt;
}

void Core::handle(OfferUpdateEvent& event) {
  const proto::OfferUpdateRequest& request = event.request;
  if (const Status status = check_version(request.protocol_version); !status.ok()) {
    return reply(event.call, status);
  }
  if (verify_offer(event)) return;
  Visitor visitor{.device_id = request.device_id, .peer = event.peer, .address = event.address};
  if (in_force_) visitor.identity = access().check_pass(request.pass, now_);
  if (auto refusal = keeps_updates_from(visitor)) return reply(event.call, std::move(*refusal));
  if (visitor.identity || !updates_enrolled_only(request.task)) {
    return find_update(event.call, request, {});
  }
  if (!request.enrolled) {
    return reply(event.call,
                 Status(StatusCode::kPermissionDenied,
                        "updates of this task go to enrolled devices only, and this one has shown no "
                        "identity: `sotto authority enroll` writes one"));
  }
  reply(event.call, proto::OfferUpdateReply(proto::UpdateChallenge{
                        .challenge = access().make_challenge(request.device_id, random_, now_),
                        .coordinator = own_identity_}));
}

// Nothing when the proof answers no challenge that holds: the device is asked once more.
bool Core::verify_offer(OfferUpdateEvent& event) {
  const std::optional<proto::UpdateProof>& proof = event.request.proof;
  if (!in_force_ || !proof) return false;
  const auto nonce = access().check_challenge(proof->challenge, event.request.device_id, now_);
  if (!nonce || used_challenges_.contains(*nonce)) return false;
  if (verifying_.size() >= limits::kVerificationsMax) {
    reply(event.call, proto::OfferUpdateReply(proto::NoUpdate{
                          retry_window(options_, {.expected_ms = 1'000, .devices = verifying_.size()},
                                       "the coordinator is overloaded: many devices show who they are")}));
    return true;
  }
  const secagg::Statement statement =
      secagg::update_statement(own_identity_, proof->challenge, event.request.device_id);
  const VerificationId id = begin_verification(signed_statement(proof->credential, statement));
  verifying_.emplace(id, PendingOffer{std::move(event), *nonce});
  return true;
}

void Core::offer_verified(PendingOffer& pending, const Verdict& verdict) {
  const CallId call = pending.event.call;
  const Visitor visitor{.device_id = pending.event.request.device_id,
                        .identity = verdict.identity,
                        .peer = pending.event.peer,
                        .address = pending.event.address};
  if (!accepted(verdict.rejection)) {
    turned_away(visitor, verdict.rejection);
    return reply(call, refusal_of(verdict.rejection));
  }
  if (auto refusal = keeps_updates_from(visitor)) return reply(call, std::move(*refusal));
  // The same signature may have come twice at once: the second is as good as none.
  if (!used_challenges_.insert(pending.nonce, now_)) {
    return reply(call, Status(StatusCode::kUnavailable, "this challenge was used: ask once more"));
  }
  find_update(call, pending.event.request, access().make_pass(*visitor.identity, now_));
}

void Core::find_update(CallId call, const proto::OfferUpdateRequest& question,
                       std::vector<std::uint8_t> pass) {
  if (!store_has_room(call)) return;
  ask_store_for(call,
                FindUpdateRequest{.question = question, .now = unix_seconds(now_), .pass = std::move(pass)});
}

void Core::update_found(CallId call, FindUpdateRequest& request, const StoreReply& answer) {
  if (const auto* status = std::get_if<Status>(&answer)) return reply(call, *status);
  const auto* found = std::get_if<FoundUpdate>(&answer);
  SOTTO_CHECK(found != nullptr);  // the store answers with what was asked for
  if (!found->manifest.empty()) {
    return reply(call, proto::OfferUpdateReply(
                           proto::UpdateOffer{.manifest = found->manifest, .pass = std::move(request.pass)}));
  }
  reply(call,
        proto::OfferUpdateReply(proto::NoUpdate{{.delay_min_ms = options_.update_retry_ms,
                                                 .delay_max_ms = 2 * options_.update_retry_ms,
                                                 .reason = "there is no newer update for this device"}}));
}

void Core::handle(FetchUpdateEvent& event) {
  const proto::FetchUpdateRequest& request = event.request;
  Visitor visitor{.device_id = request.device_id, .peer = event.peer, .address = event.address};
  if (in_force_) visitor.identity = access().check_pass(request.pass, now_);
  if (auto refusal = keeps_updates_from(visitor)) return reply(event.call, std::move(*refusal));
  if (!visitor.identity && updates_enrolled_only(request.task)) {
    return reply(event.call, Status(StatusCode::kFailedPrecondition,
                                    "the pass does not hold, or no longer: ask for the offer once more"));
  }
  if (!store_has_room(event.call)) return;
  ask_store_for(event.call, ReadUpdateRequest{.question = request, .now = unix_seconds(now_)});
}

void Core::handle(PublishUpdateEvent& event) {
  if (!store_has_room(event.call)) return;
  model_update::Manifest manifest;
  const model_update::Refusal refusal =
      model_update::read_signed(event.request.manifest, event.request.owner, manifest);
  if (refusal != model_update::Refusal::kNone) {
    return reply(event.call, invalid_argument(std::string("the update: ") + model_update::describe(refusal)));
  }
  Act act{.time_ms = now_.ms,
          .who = std::move(event.by),
          .what = "publish update",
          .subject = fmt::format("{} for {}", manifest.task.view(), manifest.device_class.view()),
          .reason = event.request.reason,
          .changes = {{.key = "sequence", .from = "", .to = std::to_string(manifest.sequence)},
                      {.key = "share", .from = "", .to = std::to_string(event.request.share)}}};
  ask_store_for(event.call,
                KeepUpdateRequest{.request = std::move(event.request),
                                  .content = std::move(event.content),
                                  .now = unix_seconds(now_)},
                std::move(act));
}

void Core::handle(ShareUpdateEvent& event) {
  if (!store_has_room(event.call)) return;
  Act act{.time_ms = now_.ms,
          .who = std::move(event.by),
          .what = event.request.share == 0 ? "withdraw update" : "share update",
          .subject = fmt::format("{} for {}", event.request.task, event.request.device_class),
          .reason = event.request.reason,
          .changes = {{.key = "share", .from = "", .to = std::to_string(event.request.share)}}};
  ask_store_for(event.call, SetUpdateShareRequest{std::move(event.request)}, std::move(act));
}

void Core::handle(ListUpdatesEvent& event) {
  if (!store_has_room(event.call)) return;
  ask_store_for(event.call, ListUpdatesRequest{});
}

}  // namespace sotto::server
