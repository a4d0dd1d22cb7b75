#include "one_shot_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "ring_sum.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::aggregator {

OneShotSession::OneShotSession(const proto::Plan& plan, Bytes plan_bytes, const OneShotSetup& setup,
                               Random& random)
    : AttendedSession(plan, random),
      revoked_(setup.authority.revoked.begin(), setup.authority.revoked.end()),
      setup_(setup),
      plan_bytes_(plan_bytes.begin(), plan_bytes.end()),
      plan_digest_(crypto::sha256({plan_bytes})),
      layout_(proto::ring_layout(plan)),
      accumulator_(layout_.byte_count()) {
  setup_.authority.revoked = revoked_;
}

Rejection OneShotSession::accept_join(Bytes payload, Signature signature) {
  if (payload.size() != secagg::kOneShotHeaderBytes + layout_.message_bytes()) return Rejection::kWrongLength;
  secagg::OneShotMessage message;
  Rejection rejection = secagg::decode_one_shot(payload, message);
  if (!accepted(rejection)) return rejection;
  const crypto::Digest identity = secagg::identity_of(message.mask.credential.key);
  if (entries_.contains(identity)) return Rejection::kBadKey;
  if (signature == Signature::kToVerify) {
    rejection = secagg::check_sealed_mask(message.mask, plan_digest_, setup_.authority, setup_.now);
    if (!accepted(rejection)) return rejection;
  }
  rejection = secagg::ring_add_message(layout_, accumulator_, message.vector);
  if (!accepted(rejection)) return rejection;
  Entry& entry = entries_[identity];
  entry.participant = ParticipantIndex{participant_count()};
  secagg::encode_sealed_mask(message.mask, entry.mask);
  return Rejection::kNone;
}

Result<std::optional<proto::Step>> OneShotSession::end_step() { return std::optional<proto::Step>(); }

std::vector<std::uint8_t> OneShotSession::helper_request() const {
  std::vector<std::uint8_t> masks;
  masks.reserve(entries_.size() * secagg::kSealedMaskBytes);
  for (const auto& [identity, entry] : entries_) {
    masks.insert(masks.end(), entry.mask.begin(), entry.mask.end());
  }
  secagg::HelperRequest request{
      .plan_credential = setup_.plan_credential, .plan = plan_bytes_, .masks = masks};
  const secagg::Statement statement =
      secagg::request_statement({.helper = plan().helper_digest,
                                 .plan = plan_digest_,
                                 .set = secagg::mask_set_digest(plan_digest_, request)});
  request.signature = setup_.coordinator.sign(statement.bytes());
  std::vector<std::uint8_t> bytes(secagg::helper_request_bytes(plan_bytes_.size(), entries_.size()));
  secagg::encode_helper_request(request, bytes);
  return bytes;
}

Status OneShotSession::refused(const proto::HelperRefusal& refusal) {
  for (const std::uint16_t place : refusal.at_fault) {
    if (place >= entries_.size()) continue;
    dishonest_.push_back(std::next(entries_.begin(), place)->second.participant);
  }
  helper_restarted_ = refusal.kind == proto::HelperRefusal::Kind::kBeforeStart;
  return aborted("the helper refused: " + refusal.reason);
}

Result<CohortSum> OneShotSession::finish(Executor&) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  const Result<proto::HelperReply> reply = setup_.helper.sum_masks(helper_request());
  if (!reply) return aborted("the helper did not answer: " + reply.error().message());
  if (const auto* refusal = std::get_if<proto::HelperRefusal>(&*reply)) return refused(*refusal);
  const std::vector<std::uint8_t>& masks = std::get<proto::MaskSum>(*reply).ring;
  if (masks.size() != layout_.byte_count()) {
    return aborted(fmt::format("the helper's sum of masks has {} bytes, the plan's ring {}", masks.size(),
                               layout_.byte_count()));
  }
  secagg::ring_subtract(layout_, accumulator_, masks);
  return decode_ring_sum(plan(), accumulator_, participant_count());
}

Result<std::unique_ptr<CohortSession>> make_one_shot_session(const proto::Plan& plan, Bytes plan_bytes,
                                                             const OneShotSetup& setup, Random& random) {
  SOTTO_RETURN_IF_ERROR(proto::validate_plan(plan));
  if (plan.aggregation.kind != proto::Aggregation::kOneShot) {
    return invalid_argument(std::string("aggregation = ") + proto::to_string(plan.aggregation.kind) +
                            ": must be one_shot");
  }
  SOTTO_RETURN_IF_ERROR(proto::check_encoding(plan, plan_bytes));
  return std::unique_ptr<CohortSession>(std::make_unique<OneShotSession>(plan, plan_bytes, setup, random));
}

}  // namespace sotto::aggregator
