// PROTOCOL.md section 1: the four calls of a device.
#include <string>

#include "fields.h"
#include "fleet_parts.h"
#include "sotto/base/limits.h"
#include "sotto/proto/convert.h"
#include "sotto/secagg/bulletin.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::proto {

void to_wire(const RetryWindow& from, v1::RetryWindow& to) {
  to.set_delay_min_ms(from.delay_min_ms);
  to.set_delay_max_ms(from.delay_max_ms);
  to.set_reason(printable(from.reason));
}

Result<RetryWindow> from_wire(const v1::RetryWindow& from) {
  SOTTO_RETURN_IF_ERROR(
      check_integer("RetryWindow.delay_min_ms", from.delay_min_ms(), 0, from.delay_max_ms()));
  SOTTO_RETURN_IF_ERROR(check_length("RetryWindow.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  return RetryWindow{from.delay_min_ms(), from.delay_max_ms(), printable(from.reason())};
}

std::string credential_to_wire(const secagg::Credential& credential) {
  std::array<std::uint8_t, secagg::kCredentialBytes> bytes;
  secagg::encode_credential(credential, bytes);
  return to_string_bytes(bytes);
}

Status credential_from_wire(const char* field, const std::string& from, secagg::Credential& to) {
  SOTTO_RETURN_IF_ERROR(check_length(field, from.size(), secagg::kCredentialBytes, secagg::kCredentialBytes));
  SOTTO_CHECK(accepted(secagg::decode_credential(to_bytes(from), to)));
  return {};
}

namespace {

constexpr std::uint64_t kModelBytesMax = 4 * std::uint64_t{limits::kParametersMax};

struct ExchangeReplyWriter {
  v1::ExchangeReply& to;

  void operator()(const NextStep& from) const {
    v1::NextStep& next = *to.mutable_next();
    next.set_next(static_cast<std::uint32_t>(from.next));
    next.set_payload(to_string_bytes(from.payload));
  }
  void operator()(const KeepWaiting& from) const { to_wire(from.window, *to.mutable_wait()); }
  void operator()(const SessionEnd& from) const {
    v1::SessionEnd& end = *to.mutable_end();
    end.set_counted(from.counted);
    end.set_outcome(printable(from.outcome));
    to_wire(from.window, *end.mutable_window());
  }
  void operator()(const Refused& from) const {
    v1::Refused& refused = *to.mutable_refused();
    refused.set_reason(static_cast<std::uint32_t>(from.reason));
    to_wire(from.window, *refused.mutable_window());
  }
};

Status proof_from_wire(const v1::CheckInProof& from, CheckInProof& to) {
  SOTTO_RETURN_IF_ERROR(
      check_length("CheckInProof.challenge", from.challenge().size(), 1, secagg::kChallengeBytesMax));
  to.challenge = to_bytes(from.challenge());
  to.task = TaskId{from.task()};
  return credential_from_wire("CheckInProof.credential", from.credential(), to.credential);
}

Result<CheckInReply> offer_from_wire(const v1::PlanOffer& from) {
  PlanOffer offer;
  SOTTO_RETURN_IF_ERROR(copy_exactly("PlanOffer.token", from.token(), offer.token.value));
  SOTTO_RETURN_IF_ERROR(check_length("PlanOffer.plan", from.plan().size(), 1, limits::kPlanBytesMax));
  offer.plan = to_bytes(from.plan());
  if (!from.credential().empty()) {
    SOTTO_RETURN_IF_ERROR(
        credential_from_wire("PlanOffer.credential", from.credential(), offer.credential.emplace()));
  }
  SOTTO_RETURN_IF_ERROR(
      check_length("PlanOffer.bulletin", from.bulletin().size(), 0, secagg::kBulletinBytesMax));
  offer.bulletin = to_bytes(from.bulletin());
  SOTTO_RETURN_IF_ERROR(check_length("PlanOffer.pass", from.pass().size(), 0, kPassBytesMax));
  offer.pass = to_bytes(from.pass());
  if (!from.check_key().empty()) {
    SOTTO_RETURN_IF_ERROR(check_length("PlanOffer.check_key", from.check_key().size(), secagg::kCheckKeyBytes,
                                       secagg::kCheckKeyBytes));
    offer.check_key = to_bytes(from.check_key());
  }
  return CheckInReply(std::move(offer));
}

Result<CheckInReply> challenge_from_wire(const v1::Challenge& from) {
  Challenge challenge;
  SOTTO_RETURN_IF_ERROR(
      check_length("Challenge.challenge", from.challenge().size(), 1, secagg::kChallengeBytesMax));
  challenge.challenge = to_bytes(from.challenge());
  challenge.task = TaskId{from.task()};
  SOTTO_RETURN_IF_ERROR(copy_exactly("Challenge.coordinator", from.coordinator(), challenge.coordinator));
  return CheckInReply(std::move(challenge));
}

Result<ExchangeReply> next_from_wire(const v1::NextStep& from) {
  NextStep next;
  SOTTO_RETURN_IF_ERROR(copy_enumerator("NextStep.next", from.next(), next.next));
  SOTTO_RETURN_IF_ERROR(check_length("NextStep.payload", from.payload().size(), 0, limits::kUpdateBytesMax));
  next.payload = to_bytes(from.payload());
  return ExchangeReply(std::move(next));
}

Result<ExchangeReply> end_from_wire(const v1::SessionEnd& from) {
  SOTTO_RETURN_IF_ERROR(
      check_length("SessionEnd.outcome", from.outcome().size(), 0, limits::kReasonBytesMax));
  Result<RetryWindow> window = from_wire(from.window());
  if (!window) return window.error();
  return ExchangeReply(SessionEnd{from.counted(), printable(from.outcome()), std::move(*window)});
}

Result<ExchangeReply> refused_from_wire(const v1::Refused& from) {
  Refused refused;
  SOTTO_RETURN_IF_ERROR(copy_enumerator("Refused.reason", from.reason(), refused.reason));
  Result<RetryWindow> window = from_wire(from.window());
  if (!window) return window.error();
  refused.window = std::move(*window);
  return ExchangeReply(std::move(refused));
}

}  // namespace

void to_wire(const CheckInRequest& from, v1::CheckInRequest& to) {
  to.set_protocol_version(from.protocol_version);
  to.set_device_id(from.device_id);
  to.set_population(from.population);
  for (const Architecture trainer : from.trainers) to.add_trainers(static_cast<std::uint32_t>(trainer));
  to.set_parameters_max(from.parameters_max);
  for (const std::string& name : from.custom_models) to.add_custom_models(name);
  to.set_bulletin_edition(from.bulletin_edition);
  to.set_enrolled(from.enrolled);
  to.set_pass(to_string_bytes(from.pass));
  if (!from.proof) return;
  to.mutable_proof()->set_challenge(to_string_bytes(from.proof->challenge));
  to.mutable_proof()->set_task(from.proof->task.value);
  to.mutable_proof()->set_credential(credential_to_wire(from.proof->credential));
}

void to_wire(const CheckInReply& from, v1::CheckInReply& to) {
  if (const auto* offer = std::get_if<PlanOffer>(&from)) {
    to.mutable_offer()->set_token(to_string_bytes(offer->token.value));
    to.mutable_offer()->set_plan(to_string_bytes(offer->plan));
    if (offer->credential) to.mutable_offer()->set_credential(credential_to_wire(*offer->credential));
    to.mutable_offer()->set_bulletin(to_string_bytes(offer->bulletin));
    to.mutable_offer()->set_pass(to_string_bytes(offer->pass));
    to.mutable_offer()->set_check_key(to_string_bytes(offer->check_key));
  } else if (const auto* challenge = std::get_if<Challenge>(&from)) {
    to.mutable_challenge()->set_challenge(to_string_bytes(challenge->challenge));
    to.mutable_challenge()->set_task(challenge->task.value);
    to.mutable_challenge()->set_coordinator(to_string_bytes(challenge->coordinator));
  } else {
    to_wire(std::get<RetryWindow>(from), *to.mutable_retry());
  }
}

void to_wire(const FetchModelRequest& from, v1::FetchModelRequest& to) {
  if (from.token != SessionToken{}) to.set_token(to_string_bytes(from.token.value));
  to.set_task(from.task.value);
  to.set_version(from.version.value);
  to.set_offset(from.offset);
}

void to_wire(const ModelChunk& from, v1::ModelChunk& to) {
  to.set_total_bytes(from.total_bytes);
  to.set_offset(from.offset);
  to.set_bytes(to_string_bytes(from.bytes));
}

void to_wire(const ExchangeRequest& from, v1::ExchangeRequest& to) {
  to.set_token(to_string_bytes(from.token.value));
  to.set_step(static_cast<std::uint32_t>(from.step));
  to.set_poll(from.poll);
  to.set_payload(to_string_bytes(from.payload));
  if (from.plan_digest) to.set_plan_digest(to_string_bytes(*from.plan_digest));
}

void to_wire(const ExchangeReply& from, v1::ExchangeReply& to) { std::visit(ExchangeReplyWriter{to}, from); }

void to_wire(const AbandonRequest& from, v1::AbandonRequest& to) {
  to.set_token(to_string_bytes(from.token.value));
  to.set_reason(printable(from.reason));
  to.set_plan_refused(from.plan_refused);
  if (!from.ledger) return;
  v1::LedgerReport& ledger = *to.mutable_ledger();
  ledger.set_refusal(static_cast<std::uint32_t>(from.ledger->refusal));
  ledger.set_until_s(from.ledger->until_s);
  ledger.set_last_round(from.ledger->last_round.value);
}

Result<CheckInRequest> from_wire(const v1::CheckInRequest& from) {
  SOTTO_RETURN_IF_ERROR(check_name("CheckInRequest.device_id", from.device_id()));
  SOTTO_RETURN_IF_ERROR(check_name("CheckInRequest.population", from.population()));
  SOTTO_RETURN_IF_ERROR(check_integer("CheckInRequest.trainers (count)",
                                      static_cast<std::uint64_t>(from.trainers_size()), 0,
                                      limits::kTrainersPerDeviceMax));
  CheckInRequest request;
  request.protocol_version = from.protocol_version();
  request.device_id = from.device_id();
  request.population = from.population();
  for (const std::uint32_t number : from.trainers()) {
    Architecture trainer{};
    SOTTO_RETURN_IF_ERROR(copy_enumerator("CheckInRequest.trainers", number, trainer));
    request.trainers.push_back(trainer);
  }
  request.parameters_max = from.parameters_max();
  SOTTO_RETURN_IF_ERROR(check_integer("CheckInRequest.custom_models (count)",
                                      static_cast<std::uint64_t>(from.custom_models_size()), 0,
                                      limits::kTrainersPerDeviceMax));
  for (const std::string& name : from.custom_models()) {
    SOTTO_RETURN_IF_ERROR(check_name("CheckInRequest.custom_models", name));
    request.custom_models.push_back(name);
  }
  request.bulletin_edition = from.bulletin_edition();
  request.enrolled = from.enrolled();
  SOTTO_RETURN_IF_ERROR(check_length("CheckInRequest.pass", from.pass().size(), 0, kPassBytesMax));
  request.pass = to_bytes(from.pass());
  if (from.has_proof()) SOTTO_RETURN_IF_ERROR(proof_from_wire(from.proof(), request.proof.emplace()));
  return request;
}

Result<CheckInReply> from_wire(const v1::CheckInReply& from) {
  switch (from.reply_case()) {
    case v1::CheckInReply::kOffer:
      return offer_from_wire(from.offer());
    case v1::CheckInReply::kChallenge:
      return challenge_from_wire(from.challenge());
    case v1::CheckInReply::kRetry: {
      Result<RetryWindow> window = from_wire(from.retry());
      if (!window) return window.error();
      return CheckInReply(std::move(*window));
    }
    case v1::CheckInReply::REPLY_NOT_SET:
      break;
  }
  return invalid_argument("CheckInReply.reply is not set: must be an offer, a retry window or a challenge");
}

Result<FetchModelRequest> from_wire(const v1::FetchModelRequest& from) {
  FetchModelRequest request{
      .task = TaskId{from.task()}, .version = ModelVersion{from.version()}, .offset = from.offset()};
  if (!from.token().empty()) {
    SOTTO_RETURN_IF_ERROR(copy_exactly("FetchModelRequest.token", from.token(), request.token.value));
  }
  return request;
}

Result<ModelChunk> from_wire(const v1::ModelChunk& from) {
  SOTTO_RETURN_IF_ERROR(check_integer("ModelChunk.total_bytes", from.total_bytes(), 0, kModelBytesMax));
  SOTTO_RETURN_IF_ERROR(check_integer("ModelChunk.offset", from.offset(), 0, from.total_bytes()));
  const std::uint64_t remaining = from.total_bytes() - from.offset();
  SOTTO_RETURN_IF_ERROR(check_length("ModelChunk.bytes", from.bytes().size(), 0,
                                     std::min<std::uint64_t>(remaining, limits::kModelChunkBytes)));
  return ModelChunk{from.total_bytes(), from.offset(), to_bytes(from.bytes())};
}

Result<ExchangeRequest> from_wire(const v1::ExchangeRequest& from) {
  ExchangeRequest request;
  SOTTO_RETURN_IF_ERROR(copy_exactly("ExchangeRequest.token", from.token(), request.token.value));
  SOTTO_RETURN_IF_ERROR(copy_enumerator("ExchangeRequest.step", from.step(), request.step));
  request.poll = from.poll();
  SOTTO_RETURN_IF_ERROR(
      check_length(request.poll ? "ExchangeRequest.payload of a poll" : "ExchangeRequest.payload",
                   from.payload().size(), 0, request.poll ? 0 : limits::kUpdateBytesMax));
  request.payload = to_bytes(from.payload());
  if (!from.plan_digest().empty()) {
    SOTTO_RETURN_IF_ERROR(
        copy_exactly("ExchangeRequest.plan_digest", from.plan_digest(), request.plan_digest.emplace()));
  }
  return request;
}

Result<ExchangeReply> from_wire(const v1::ExchangeReply& from) {
  switch (from.reply_case()) {
    case v1::ExchangeReply::kNext:
      return next_from_wire(from.next());
    case v1::ExchangeReply::kWait: {
      Result<RetryWindow> window = from_wire(from.wait());
      if (!window) return window.error();
      return ExchangeReply(KeepWaiting{std::move(*window)});
    }
    case v1::ExchangeReply::kEnd:
      return end_from_wire(from.end());
    case v1::ExchangeReply::kRefused:
      return refused_from_wire(from.refused());
    case v1::ExchangeReply::REPLY_NOT_SET:
      break;
  }
  return invalid_argument("ExchangeReply.reply is not set: must be next, wait, end or refused");
}

Result<AbandonRequest> from_wire(const v1::AbandonRequest& from) {
  AbandonRequest request;
  SOTTO_RETURN_IF_ERROR(copy_exactly("AbandonRequest.token", from.token(), request.token.value));
  SOTTO_RETURN_IF_ERROR(
      check_length("AbandonRequest.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  request.reason = printable(from.reason());
  request.plan_refused = from.plan_refused();
  if (!from.has_ledger()) return request;
  LedgerReport& ledger = request.ledger.emplace();
  SOTTO_RETURN_IF_ERROR(copy_enumerator("LedgerReport.refusal", from.ledger().refusal(), ledger.refusal));
  SOTTO_RETURN_IF_ERROR(check_integer("LedgerReport.until_s", from.ledger().until_s(), 0, kUnixSecondsMax));
  ledger.until_s = from.ledger().until_s();
  ledger.last_round = RoundId{from.ledger().last_round()};
  return request;
}

}  // namespace sotto::proto
