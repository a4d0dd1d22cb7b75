#include "sotto/proto/link_codec.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "sotto/base/check.h"
#include "sotto/proto/link_message.h"

namespace sotto::proto {
namespace {

using CredentialBytes = std::array<std::uint8_t, secagg::kCredentialBytes>;

std::vector<std::uint8_t> owned(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// What a sentence becomes on its way out; lives as long as the message that borrows it.
std::string printable(const std::string& text) {
  std::string kept = text.substr(0, limits::kReasonBytesMax);
  for (char& c : kept) c = c < 0x20 || c > 0x7e ? '?' : c;
  return kept;
}

secagg::Credential credential_of(Bytes bytes) {
  secagg::Credential credential;
  // Any bytes of this length are a credential; whether it holds is for others to find out.
  SOTTO_CHECK(accepted(secagg::decode_credential(bytes, credential)));
  return credential;
}

template <typename Message>
std::vector<std::uint8_t> encoded(const Message& message) {
  std::vector<std::uint8_t> bytes(link::encoded_bytes(message));
  ByteWriter out(bytes);
  SOTTO_CHECK(link::encode(message, out) && out.written() == bytes.size());
  return bytes;
}

struct CallEncoder {
  std::vector<std::uint8_t> operator()(const CheckInRequest& from) const {
    link::CheckIn to{.protocol_version = from.protocol_version,
                     .parameters_max = from.parameters_max,
                     .bulletin_edition = from.bulletin_edition,
                     .enrolled = from.enrolled,
                     .device_id = from.device_id,
                     .population = from.population,
                     .pass = from.pass};
    SOTTO_CHECK(to.trainers.assign(from.trainers));
    for (const std::string& name : from.custom_models) SOTTO_CHECK(to.custom_models.push_back(name));
    CredentialBytes credential;
    if (from.proof) {
      secagg::encode_credential(from.proof->credential, credential);
      to.proof = link::Proof{from.proof->task, from.proof->challenge, credential};
    }
    return encoded(link::Call(to));
  }
  std::vector<std::uint8_t> operator()(const FetchModelRequest& from) const {
    return encoded(link::Call(link::FetchModel{from.token, from.task, from.version, from.offset}));
  }
  std::vector<std::uint8_t> operator()(const ExchangeRequest& from) const {
    link::Exchange to{.token = from.token, .step = from.step, .poll = from.poll, .payload = from.payload};
    if (from.plan_digest) to.plan_digest = *from.plan_digest;
    return encoded(link::Call(to));
  }
  std::vector<std::uint8_t> operator()(const AbandonRequest& from) const {
    const std::string reason = printable(from.reason);
    link::Abandon to{.token = from.token,
                     .has_ledger = from.ledger.has_value(),
                     .reason = reason,
                     .plan_refused = from.plan_refused};
    if (from.ledger) {
      to.refusal = from.ledger->refusal;
      to.until_s = from.ledger->until_s;
      to.last_round = from.ledger->last_round;
    }
    return encoded(link::Call(to));
  }
  std::vector<std::uint8_t> operator()(const OfferUpdateRequest& from) const {
    link::OfferUpdate to{.protocol_version = from.protocol_version,
                         .sequence = from.sequence,
                         .enrolled = from.enrolled,
                         .device_id = from.device_id,
                         .task = from.task,
                         .device_class = from.device_class,
                         .pass = from.pass};
    CredentialBytes credential;
    if (from.proof) {
      secagg::encode_credential(from.proof->credential, credential);
      to.proof = link::UpdateProof{from.proof->challenge, credential};
    }
    return encoded(link::Call(to));
  }
  std::vector<std::uint8_t> operator()(const FetchUpdateRequest& from) const {
    return encoded(link::Call(link::FetchUpdate{.sequence = from.sequence,
                                                .offset = from.offset,
                                                .bytes_max = from.bytes_max,
                                                .device_id = from.device_id,
                                                .task = from.task,
                                                .device_class = from.device_class,
                                                .pass = from.pass}));
  }
};

// `reason` is the window's, made printable.
link::Window window_of(const RetryWindow& from, const std::string& reason) {
  return {.delay_min_ms = from.delay_min_ms, .delay_max_ms = from.delay_max_ms, .reason = reason};
}

struct AnswerEncoder {
  std::vector<std::uint8_t> operator()(const CheckInReply& from) const { return std::visit(*this, from); }
  std::vector<std::uint8_t> operator()(const ExchangeReply& from) const { return std::visit(*this, from); }
  std::vector<std::uint8_t> operator()(const PlanOffer& from) const {
    CredentialBytes credential;
    link::Offer to{.token = from.token,
                   .plan = from.plan,
                   .pass = from.pass,
                   .check_key = from.check_key,
                   .bulletin = from.bulletin};
    if (from.credential) {
      secagg::encode_credential(*from.credential, credential);
      to.credential = credential;
    }
    return encoded(link::Answer(to));
  }
  std::vector<std::uint8_t> operator()(const RetryWindow& from) const {
    const std::string reason = printable(from.reason);
    return encoded(link::Answer(link::Retry{window_of(from, reason)}));
  }
  std::vector<std::uint8_t> operator()(const Challenge& from) const {
    return encoded(link::Answer(link::ChallengeAnswer{from.task, from.coordinator, from.challenge}));
  }
  std::vector<std::uint8_t> operator()(const ModelChunk& from) const {
    return encoded(link::Answer(link::Chunk{from.total_bytes, from.offset, from.bytes}));
  }
  std::vector<std::uint8_t> operator()(const NextStep& from) const {
    return encoded(link::Answer(link::Next{from.next, from.payload}));
  }
  std::vector<std::uint8_t> operator()(const KeepWaiting& from) const {
    const std::string reason = printable(from.window.reason);
    return encoded(link::Answer(link::Wait{window_of(from.window, reason)}));
  }
  std::vector<std::uint8_t> operator()(const SessionEnd& from) const {
    const std::string outcome = printable(from.outcome);
    const std::string reason = printable(from.window.reason);
    return encoded(link::Answer(link::End{from.counted, outcome, window_of(from.window, reason)}));
  }
  std::vector<std::uint8_t> operator()(const Refused& from) const {
    const std::string reason = printable(from.window.reason);
    return encoded(link::Answer(link::RefusedAnswer{from.reason, window_of(from.window, reason)}));
  }
  std::vector<std::uint8_t> operator()(const LinkLeft&) const { return encoded(link::Answer(link::Left{})); }
  std::vector<std::uint8_t> operator()(const OfferUpdateReply& from) const { return std::visit(*this, from); }
  std::vector<std::uint8_t> operator()(const UpdateOffer& from) const {
    return encoded(link::Answer(link::UpdateOffered{from.pass, from.manifest}));
  }
  std::vector<std::uint8_t> operator()(const NoUpdate& from) const {
    const std::string reason = printable(from.window.reason);
    return encoded(link::Answer(link::NoUpdate{window_of(from.window, reason)}));
  }
  std::vector<std::uint8_t> operator()(const UpdateChallenge& from) const {
    return encoded(link::Answer(link::UpdateChallenge{from.coordinator, from.challenge}));
  }
};

struct CallDecoder {
  LinkRequest operator()(const link::CheckIn& from) const {
    CheckInRequest to{.protocol_version = from.protocol_version,
                      .device_id = std::string(from.device_id),
                      .population = std::string(from.population),
                      .trainers = {from.trainers.begin(), from.trainers.end()},
                      .parameters_max = from.parameters_max,
                      .custom_models = {from.custom_models.begin(), from.custom_models.end()},
                      .bulletin_edition = from.bulletin_edition,
                      .enrolled = from.enrolled,
                      .pass = owned(from.pass)};
    if (from.proof) {
      to.proof =
          CheckInProof{owned(from.proof->challenge), from.proof->task, credential_of(from.proof->credential)};
    }
    return to;
  }
  LinkRequest operator()(const link::FetchModel& from) const {
    return FetchModelRequest{from.token, from.task, from.version, from.offset};
  }
  LinkRequest operator()(const link::Exchange& from) const {
    ExchangeRequest to{
        .token = from.token, .step = from.step, .poll = from.poll, .payload = owned(from.payload)};
    if (!from.plan_digest.empty()) {
      std::copy(from.plan_digest.begin(), from.plan_digest.end(), to.plan_digest.emplace().begin());
    }
    return to;
  }
  LinkRequest operator()(const link::Abandon& from) const {
    AbandonRequest to{.token = from.token, .reason = std::string(from.reason)};
    to.plan_refused = from.plan_refused;
    if (from.has_ledger) to.ledger = LedgerReport{from.refusal, from.until_s, from.last_round};
    return to;
  }
  LinkRequest operator()(const link::OfferUpdate& from) const {
    OfferUpdateRequest to{.protocol_version = from.protocol_version,
                          .device_id = std::string(from.device_id),
                          .task = std::string(from.task),
                          .device_class = std::string(from.device_class),
                          .sequence = from.sequence,
                          .enrolled = from.enrolled,
                          .pass = owned(from.pass)};
    if (from.proof)
      to.proof = UpdateProof{owned(from.proof->challenge), credential_of(from.proof->credential)};
    return to;
  }
  LinkRequest operator()(const link::FetchUpdate& from) const {
    return FetchUpdateRequest{.device_id = std::string(from.device_id),
                              .task = std::string(from.task),
                              .device_class = std::string(from.device_class),
                              .sequence = from.sequence,
                              .offset = from.offset,
                              .bytes_max = from.bytes_max,
                              .pass = owned(from.pass)};
  }
};

RetryWindow owned(const link::Window& from) {
  return {from.delay_min_ms, from.delay_max_ms, std::string(from.reason)};
}

struct AnswerDecoder {
  using Decoded = Result<LinkReply>;
  Decoded operator()(const link::Offer& from) const {
    PlanOffer to{.token = from.token,
                 .plan = owned(from.plan),
                 .bulletin = owned(from.bulletin),
                 .pass = owned(from.pass),
                 .check_key = owned(from.check_key)};
    if (!from.credential.empty()) to.credential = credential_of(from.credential);
    return check_in(std::move(to));
  }
  Decoded operator()(const link::Retry& from) const { return check_in(owned(from.window)); }
  Decoded operator()(const link::ChallengeAnswer& from) const {
    Challenge to{.challenge = owned(from.challenge), .task = from.task};
    std::copy(from.coordinator.begin(), from.coordinator.end(), to.coordinator.begin());
    return check_in(std::move(to));
  }
  Decoded operator()(const link::Chunk& from) const {
    return LinkReply(ModelChunk{from.total_bytes, from.offset, owned(from.bytes)});
  }
  Decoded operator()(const link::Next& from) const {
    return exchange(NextStep{from.next, owned(from.payload)});
  }
  Decoded operator()(const link::Wait& from) const { return exchange(KeepWaiting{owned(from.window)}); }
  Decoded operator()(const link::End& from) const {
    return exchange(SessionEnd{from.counted, std::string(from.outcome), owned(from.window)});
  }
  Decoded operator()(const link::RefusedAnswer& from) const {
    return exchange(Refused{from.reason, owned(from.window)});
  }
  Decoded operator()(const link::Left&) const { return LinkReply(LinkLeft{}); }
  Decoded operator()(const link::Failed& from) const {
    return Status(static_cast<StatusCode>(from.code), std::string(from.reason));
  }
  Decoded operator()(const link::UpdateOffered& from) const {
    return LinkReply(OfferUpdateReply(UpdateOffer{owned(from.manifest), owned(from.pass)}));
  }
  Decoded operator()(const link::NoUpdate& from) const {
    return LinkReply(OfferUpdateReply(NoUpdate{owned(from.window)}));
  }
  Decoded operator()(const link::UpdateChallenge& from) const {
    UpdateChallenge to{.challenge = owned(from.challenge)};
    std::copy(from.coordinator.begin(), from.coordinator.end(), to.coordinator.begin());
    return LinkReply(OfferUpdateReply(std::move(to)));
  }

 private:
  template <typename Kind>
  static Decoded check_in(Kind&& kind) {
    return LinkReply(CheckInReply(std::forward<Kind>(kind)));
  }
  template <typename Kind>
  static Decoded exchange(Kind&& kind) {
    return LinkReply(ExchangeReply(std::forward<Kind>(kind)));
  }
};

}  // namespace

std::vector<std::uint8_t> encode_link_call(const LinkRequest& request) {
  return std::visit(CallEncoder{}, request);
}

std::vector<std::uint8_t> encode_link_answer(const Result<LinkReply>& reply) {
  if (reply) return std::visit(AnswerEncoder{}, *reply);
  const std::string reason = printable(reply.error().message());
  return encoded(link::Answer(link::Failed{static_cast<std::uint8_t>(reply.error().code()), reason}));
}

Result<LinkRequest> decode_link_call(Bytes bytes) {
  link::Call call;
  if (!accepted(link::decode_call(bytes, call))) {
    return invalid_argument("the call does not decode: send the layout that PROTOCOL.md section 11.3 gives");
  }
  return std::visit(CallDecoder{}, call);
}

Result<LinkReply> decode_link_answer(Bytes bytes) {
  link::Answer answer;
  if (!accepted(link::decode_answer(bytes, answer))) {
    return data_loss("the gateway's answer could not be read");
  }
  return std::visit(AnswerDecoder{}, answer);
}

}  // namespace sotto::proto
