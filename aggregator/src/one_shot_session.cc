#include "one_shot_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "ring_sum.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::aggregator {

OneShotSession::OneShotSession(const proto::Plan& plan, Bytes plan_bytes, const OneShotSetup& setup,
                               Random& random)
    : AttendedSession(plan, random),
      revoked_(setup.authority.revoked.begin(), setup.authority.revoked.end()),
      setup_(setup),
      plan_bytes_(plan_bytes.begin(), plan_bytes.end()),
      plan_digest_(crypto::sha256({plan_bytes})),
      layout_(proto::ring_layout(plan)),
      sum_(layout_, setup.helpers.size()) {
  setup_.authority.revoked = revoked_;
}

Rejection OneShotSession::accept_join(Bytes payload, Signature signature) {
  const std::size_t bytes = secagg::one_shot_header_bytes(helper_count()) + layout_.message_bytes();
  if (payload.size() != bytes) return Rejection::kWrongLength;
  secagg::OneShotMessage message;
  Rejection rejection = secagg::decode_one_shot(payload, helper_count(), message);
  if (!accepted(rejection)) return rejection;
  const crypto::Digest identity = secagg::identity_of(message.mask.credential.key);
  if (entries_.contains(identity)) return Rejection::kBadKey;
  if (signature == Signature::kToVerify) {
    rejection = secagg::check_sealed_mask(message.mask, plan_digest_, setup_.authority, setup_.now);
    if (!accepted(rejection)) return rejection;
  }
  rejection = sum_.add(message);
  if (!accepted(rejection)) return rejection;
  Entry& entry = entries_[identity];
  entry.participant = ParticipantIndex{participant_count()};
  secagg::encode_sealed_mask(message.mask,
                             MutableBytes(entry.mask).first(secagg::sealed_mask_bytes(helper_count())));
  return Rejection::kNone;
}

Result<std::optional<proto::Step>> OneShotSession::end_step() { return std::optional<proto::Step>(); }

const crypto::Digest& OneShotSession::helper_digest(std::size_t place) const {
  return place == 0 ? plan().helper_digest : plan().second_helper_digest;
}

std::string OneShotSession::helper_name(std::size_t place) const {
  return helper_count() == 1 ? "the helper" : setup_.helpers[place]->name();
}

std::vector<std::uint8_t> OneShotSession::helper_request(std::size_t place) const {
  const std::size_t mask_bytes = secagg::sealed_mask_bytes(helper_count());
  std::vector<std::uint8_t> masks;
  masks.reserve(entries_.size() * mask_bytes);
  for (const auto& [identity, entry] : entries_) {
    const Bytes mask = Bytes(entry.mask).first(mask_bytes);
    masks.insert(masks.end(), mask.begin(), mask.end());
  }
  secagg::HelperRequest request{.plan_credential = setup_.plan_credential,
                                .plan = plan_bytes_,
                                .masks = masks,
                                .helpers = helper_count()};
  const secagg::Statement statement =
      secagg::request_statement({.helper = helper_digest(place),
                                 .plan = plan_digest_,
                                 .set = secagg::mask_set_digest(plan_digest_, request)});
  request.signature = setup_.coordinator.sign(statement.bytes());
  std::vector<std::uint8_t> bytes(
      secagg::helper_request_bytes(plan_bytes_.size(), entries_.size(), helper_count()));
  secagg::encode_helper_request(request, bytes);
  return bytes;
}

OneShotSession::Replies OneShotSession::ask_helpers(Executor& executor) const {
  Replies replies(helper_count(), aborted("not asked"));
  std::vector<std::vector<std::uint8_t>> requests;  // the signer is used on this thread
  for (std::size_t i = 0; i < helper_count(); ++i) requests.push_back(helper_request(i));
  const auto ask = [&](std::size_t i) { replies[i] = setup_.helpers[i]->sum_masks(requests[i]); };
  if (helper_count() == 1) {
    ask(0);  // who may use the executor itself
  } else {
    executor.parallel_for(helper_count(), ask);
  }
  return replies;
}

void OneShotSession::refused(const proto::HelperRefusal& refusal) {
  for (const std::uint16_t place : refusal.at_fault) {
    if (place >= entries_.size()) continue;
    const ParticipantIndex at_fault = std::next(entries_.begin(), place)->second.participant;
    if (std::find(dishonest_.begin(), dishonest_.end(), at_fault) == dishonest_.end()) {
      dishonest_.push_back(at_fault);
    }
  }
  helper_restarted_ |= refusal.kind == proto::HelperRefusal::Kind::kBeforeStart;
}

Status OneShotSession::check_reply(std::size_t place, const Result<proto::HelperReply>& reply) {
  if (!reply) return aborted(helper_name(place) + " did not answer: " + reply.error().message());
  if (const auto* refusal = std::get_if<proto::HelperRefusal>(&*reply)) {
    refused(*refusal);
    return aborted(helper_name(place) + " refused: " + refusal->reason);
  }
  const std::size_t bytes = std::get<proto::MaskSum>(*reply).ring.size();
  if (bytes == sum_.mask_sum_bytes()) return {};
  return aborted(fmt::format("{}'s sum of masks has {} bytes, the plan's masks {}", helper_name(place), bytes,
                             sum_.mask_sum_bytes()));
}

Status OneShotSession::check_tags(const Replies& replies) const {
  secagg::CheckKey check_key;
  std::copy(setup_.check_key.begin(), setup_.check_key.end(), check_key.reveal_mutable().begin());
  secagg::MaskKey coefficients;
  secagg::coefficient_key(check_key, plan_digest_, coefficients);
  std::string wrong;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const std::vector<std::uint8_t>& masks = std::get<proto::MaskSum>(*replies[i]).ring;
    if (sum_.fits_tags(i, masks, coefficients, plan().aggregation.prg)) continue;
    wrong += (wrong.empty() ? "" : " and ") + helper_name(i);
  }
  if (wrong.empty()) return {};
  return aborted("the sum of masks from " + wrong +
                 " does not fit the devices' tags: it was altered there, or a device has sent a false tag; "
                 "nothing was applied");
}

Result<CohortSum> OneShotSession::finish(Executor& executor) {
  SOTTO_CHECK(ready_to_finish());
  leave_finished();
  const Replies replies = ask_helpers(executor);
  std::string reasons;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Status status = check_reply(i, replies[i]);
    if (!status.ok()) reasons += (reasons.empty() ? "" : "; ") + status.message();
  }
  if (!reasons.empty()) return aborted(reasons);
  if (helper_count() > 1) SOTTO_RETURN_IF_ERROR(check_tags(replies));
  for (const Result<proto::HelperReply>& reply : replies)
    sum_.subtract(std::get<proto::MaskSum>(*reply).ring);
  return decode_lane_sum(plan(), sum_.lanes(), participant_count());
}

Result<std::unique_ptr<CohortSession>> make_one_shot_session(const proto::Plan& plan, Bytes plan_bytes,
                                                             const OneShotSetup& setup, Random& random) {
  SOTTO_RETURN_IF_ERROR(proto::validate_plan(plan));
  if (plan.aggregation.kind != proto::Aggregation::kOneShot) {
    return invalid_argument(std::string("aggregation = ") + proto::to_string(plan.aggregation.kind) +
                            ": must be one_shot");
  }
  SOTTO_RETURN_IF_ERROR(proto::check_encoding(plan, plan_bytes));
  if (setup.helpers.size() != plan.helper_count()) {
    return invalid_argument(fmt::format("the plan names {} mask helpers, this coordinator has {}",
                                        plan.helper_count(), setup.helpers.size()));
  }
  if (setup.check_key.size() != (plan.helper_count() == 1 ? 0 : secagg::kCheckKeyBytes)) {
    return invalid_argument("a plan with two mask helpers has a check key, no other has");
  }
  return std::unique_ptr<CohortSession>(std::make_unique<OneShotSession>(plan, plan_bytes, setup, random));
}

}  // namespace sotto::aggregator
