// Signed updates of boards' models: a device's calls (PROTOCOL.md section 12.1) and an operator's.
#include <algorithm>
#include <string>

#include "fields.h"
#include "fleet_parts.h"
#include "sotto/base/limits.h"
#include "sotto/proto/convert.h"

namespace sotto::proto {
namespace {

constexpr std::size_t kUpdatesListedMax = 1024;

Result<OfferUpdateReply> offer_from_wire(const v1::UpdateOffer& from) {
  SOTTO_RETURN_IF_ERROR(
      check_length("UpdateOffer.manifest", from.manifest().size(), 1, limits::kUpdateManifestBytesMax));
  SOTTO_RETURN_IF_ERROR(check_length("UpdateOffer.pass", from.pass().size(), 0, kPassBytesMax));
  return OfferUpdateReply(UpdateOffer{to_bytes(from.manifest()), to_bytes(from.pass())});
}

Result<OfferUpdateReply> challenge_from_wire(const v1::UpdateChallenge& from) {
  UpdateChallenge challenge;
  SOTTO_RETURN_IF_ERROR(
      check_length("UpdateChallenge.challenge", from.challenge().size(), 1, secagg::kChallengeBytesMax));
  challenge.challenge = to_bytes(from.challenge());
  SOTTO_RETURN_IF_ERROR(
      copy_exactly("UpdateChallenge.coordinator", from.coordinator(), challenge.coordinator));
  return OfferUpdateReply(std::move(challenge));
}

}  // namespace

void to_wire(const OfferUpdateRequest& from, v1::OfferUpdateRequest& to) {
  to.set_protocol_version(from.protocol_version);
  to.set_device_id(from.device_id);
  to.set_task(from.task);
  to.set_device_class(from.device_class);
  to.set_sequence(from.sequence);
  to.set_enrolled(from.enrolled);
  to.set_pass(to_string_bytes(from.pass));
  if (!from.proof) return;
  to.mutable_proof()->set_challenge(to_string_bytes(from.proof->challenge));
  to.mutable_proof()->set_credential(credential_to_wire(from.proof->credential));
}

Result<OfferUpdateRequest> from_wire(const v1::OfferUpdateRequest& from) {
  SOTTO_RETURN_IF_ERROR(check_name("OfferUpdateRequest.device_id", from.device_id()));
  SOTTO_RETURN_IF_ERROR(check_name("OfferUpdateRequest.task", from.task()));
  SOTTO_RETURN_IF_ERROR(check_name("OfferUpdateRequest.device_class", from.device_class()));
  SOTTO_RETURN_IF_ERROR(check_length("OfferUpdateRequest.pass", from.pass().size(), 0, kPassBytesMax));
  OfferUpdateRequest request{.protocol_version = from.protocol_version(),
                             .device_id = from.device_id(),
                             .task = from.task(),
                             .device_class = from.device_class(),
                             .sequence = from.sequence(),
                             .enrolled = from.enrolled(),
                             .pass = to_bytes(from.pass())};
  if (!from.has_proof()) return request;
  UpdateProof& proof = request.proof.emplace();
  SOTTO_RETURN_IF_ERROR(
      check_length("UpdateProof.challenge", from.proof().challenge().size(), 1, secagg::kChallengeBytesMax));
  proof.challenge = to_bytes(from.proof().challenge());
  SOTTO_RETURN_IF_ERROR(
      credential_from_wire("UpdateProof.credential", from.proof().credential(), proof.credential));
  return request;
}

void to_wire(const OfferUpdateReply& from, v1::OfferUpdateReply& to) {
  if (const auto* offer = std::get_if<UpdateOffer>(&from)) {
    to.mutable_offer()->set_manifest(to_string_bytes(offer->manifest));
    to.mutable_offer()->set_pass(to_string_bytes(offer->pass));
  } else if (const auto* challenge = std::get_if<UpdateChallenge>(&from)) {
    to.mutable_challenge()->set_challenge(to_string_bytes(challenge->challenge));
    to.mutable_challenge()->set_coordinator(to_string_bytes(challenge->coordinator));
  } else {
    to_wire(std::get<NoUpdate>(from).window, *to.mutable_none());
  }
}

Result<OfferUpdateReply> from_wire(const v1::OfferUpdateReply& from) {
  switch (from.reply_case()) {
    case v1::OfferUpdateReply::kOffer:
      return offer_from_wire(from.offer());
    case v1::OfferUpdateReply::kChallenge:
      return challenge_from_wire(from.challenge());
    case v1::OfferUpdateReply::kNone: {
      Result<RetryWindow> window = from_wire(from.none());
      if (!window) return window.error();
      return OfferUpdateReply(NoUpdate{std::move(*window)});
    }
    case v1::OfferUpdateReply::REPLY_NOT_SET:
      break;
  }
  return invalid_argument("OfferUpdateReply.reply is not set: must be an offer, none or a challenge");
}

void to_wire(const FetchUpdateRequest& from, v1::FetchUpdateRequest& to) {
  to.set_device_id(from.device_id);
  to.set_task(from.task);
  to.set_device_class(from.device_class);
  to.set_sequence(from.sequence);
  to.set_offset(from.offset);
  to.set_bytes_max(from.bytes_max);
  to.set_pass(to_string_bytes(from.pass));
}

Result<FetchUpdateRequest> from_wire(const v1::FetchUpdateRequest& from) {
  SOTTO_RETURN_IF_ERROR(check_name("FetchUpdateRequest.device_id", from.device_id()));
  SOTTO_RETURN_IF_ERROR(check_name("FetchUpdateRequest.task", from.task()));
  SOTTO_RETURN_IF_ERROR(check_name("FetchUpdateRequest.device_class", from.device_class()));
  SOTTO_RETURN_IF_ERROR(
      check_integer("FetchUpdateRequest.bytes_max", from.bytes_max(), 1, limits::kUpdateChunkBytes));
  SOTTO_RETURN_IF_ERROR(check_length("FetchUpdateRequest.pass", from.pass().size(), 0, kPassBytesMax));
  return FetchUpdateRequest{.device_id = from.device_id(),
                            .task = from.task(),
                            .device_class = from.device_class(),
                            .sequence = from.sequence(),
                            .offset = from.offset(),
                            .bytes_max = from.bytes_max(),
                            .pass = to_bytes(from.pass())};
}

void to_wire(const PublishUpdateRequest& from, v1::PublishUpdateRequest& to) {
  to.set_manifest(to_string_bytes(from.manifest));
  to.set_content(to_string_bytes(from.content));
  to.set_owner(to_string_bytes(from.owner));
  to.set_share(from.share);
  to.set_reason(printable(from.reason));
}

Result<PublishUpdateRequest> from_wire(const v1::PublishUpdateRequest& from) {
  PublishUpdateRequest request;
  SOTTO_RETURN_IF_ERROR(check_length("PublishUpdateRequest.manifest", from.manifest().size(), 1,
                                     limits::kUpdateManifestBytesMax));
  request.manifest = to_bytes(from.manifest());
  SOTTO_RETURN_IF_ERROR(copy_exactly("PublishUpdateRequest.content", from.content(), request.content));
  SOTTO_RETURN_IF_ERROR(copy_exactly("PublishUpdateRequest.owner", from.owner(), request.owner));
  request.share = from.share();
  SOTTO_RETURN_IF_ERROR(
      check_length("PublishUpdateRequest.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  request.reason = printable(from.reason());
  return request;
}

void to_wire(const ShareUpdateRequest& from, v1::ShareUpdateRequest& to) {
  to.set_task(from.task);
  to.set_device_class(from.device_class);
  to.set_share(from.share);
  to.set_reason(printable(from.reason));
}

Result<ShareUpdateRequest> from_wire(const v1::ShareUpdateRequest& from) {
  SOTTO_RETURN_IF_ERROR(check_name("ShareUpdateRequest.task", from.task()));
  SOTTO_RETURN_IF_ERROR(check_name("ShareUpdateRequest.device_class", from.device_class()));
  SOTTO_RETURN_IF_ERROR(
      check_length("ShareUpdateRequest.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  return ShareUpdateRequest{.task = from.task(),
                            .device_class = from.device_class(),
                            .share = from.share(),
                            .reason = printable(from.reason())};
}

void to_wire(const std::vector<UpdateStatus>& from, v1::ListUpdatesReply& to) {
  for (const UpdateStatus& update : from) {
    v1::UpdateStatus& wire = *to.add_updates();
    wire.set_task(update.task);
    wire.set_device_class(update.device_class);
    wire.set_sequence(update.sequence);
    wire.set_bytes(update.bytes);
    wire.set_digest(to_string_bytes(update.digest));
    wire.set_expires_at(update.expires_at);
    wire.set_share(update.share);
    wire.set_self_tests(update.self_tests);
    wire.set_owner(to_string_bytes(update.owner));
  }
}

Result<std::vector<UpdateStatus>> from_wire(const v1::ListUpdatesReply& from) {
  SOTTO_RETURN_IF_ERROR(check_integer("ListUpdatesReply.updates (count)",
                                      static_cast<std::uint64_t>(from.updates_size()), 0, kUpdatesListedMax));
  std::vector<UpdateStatus> updates;
  for (const v1::UpdateStatus& wire : from.updates()) {
    SOTTO_RETURN_IF_ERROR(check_name("UpdateStatus.task", wire.task()));
    SOTTO_RETURN_IF_ERROR(check_name("UpdateStatus.device_class", wire.device_class()));
    UpdateStatus update{.task = wire.task(),
                        .device_class = wire.device_class(),
                        .sequence = wire.sequence(),
                        .bytes = wire.bytes(),
                        .expires_at = wire.expires_at(),
                        .share = wire.share(),
                        .self_tests = wire.self_tests()};
    SOTTO_RETURN_IF_ERROR(copy_exactly("UpdateStatus.digest", wire.digest(), update.digest));
    SOTTO_RETURN_IF_ERROR(copy_exactly("UpdateStatus.owner", wire.owner(), update.owner));
    updates.push_back(std::move(update));
  }
  return updates;
}

}  // namespace sotto::proto
