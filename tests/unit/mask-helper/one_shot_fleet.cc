#include "one_shot_fleet.h"
#include "support/fresh_key.h"
#include "support/small_cohorts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sotto::mask_helper {
namespace {

proto::Plan make_plan(const std::vector<crypto::X25519PublicKey>& helpers, std::uint64_t issued_at) {
  proto::Plan plan;
  allow_small_cohorts(plan.aggregation);
  plan.task = TaskId{4};
  plan.round = RoundId{9};
  plan.issued_at = issued_at;
  plan.not_after = issued_at + 3600;
  plan.model_digest.fill(0x33);
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 40'000, .classes = 4};
  plan.aggregation.kind = proto::Aggregation::kOneShot;
  plan.aggregation.cohort_min = 4;
  plan.aggregation.participants_max = 50;
  plan.report_within_ms = 1000;
  plan.helper_digest = crypto::sha256({helpers[0]});
  if (helpers.size() > 1) plan.second_helper_digest = crypto::sha256({helpers[1]});
  return plan;
}

secagg::RingLayout layout_of(const proto::Plan& plan) {
  return {plan.aggregation.participants_max, secagg::update_lanes(plan.model.parameter_count())};
}

}  // namespace

OneShotFleet::OneShotFleet(std::size_t devices, std::vector<crypto::X25519PublicKey> helpers,
                           std::uint64_t issued_at)
    : plan_(make_plan(helpers, issued_at)),
      layout_(layout_of(plan_)),
      helpers_(std::move(helpers)),
      mask_vectors_(devices),
      tags_(devices) {
  for (std::size_t i = 0; i < devices; ++i) {
    devices_.emplace_back(crypto::fresh_key());
    masks_.push_back(draw(i, plan_, mask_vectors_[i], tags_[i]));
  }
}

secagg::SealedMask OneShotFleet::mask(std::size_t device, const proto::Plan& plan) {
  std::vector<std::uint8_t> unused;
  secagg::MaskTags no_tags;
  return draw(device, plan, unused, no_tags);
}

secagg::SealedMask OneShotFleet::draw(std::size_t device, const proto::Plan& plan,
                                      std::vector<std::uint8_t>& vector, secagg::MaskTags& tags) {
  secagg::KeySigner& signer = devices_[device];
  const secagg::SessionContext context{.round = plan.round.value,
                                       .plan_digest = crypto::sha256({proto::encode_plan(plan)}),
                                       .model_digest = plan.model_digest,
                                       .prg = plan.aggregation.prg};
  std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(helpers_.size()));
  vector.assign(layout_.byte_count(), 0);  // masked zeros are the mask
  secagg::OneShotSeals sealed;
  EXPECT_EQ(
      secagg::one_shot_mask(context, layout_, secagg::MaskHelpers{.keys = helpers_, .check_key = &check_key_},
                            secagg::identity_of(signer.public_key()), random_, vector, sealed),
      Rejection::kNone);
  const secagg::Identity identity{
      .signer = signer,
      .endorsement =
          secagg::endorse(authority_, secagg::Role::kDevice, signer.public_key(),
                          {.expires_at = device == 1 ? plan_.issued_at + kDeviceOneEnds : secagg::kEndless}),
      .trust = authority()};
  secagg::one_shot_sign(context.plan_digest, identity, sealed, vector, random_,
                        MutableBytes(message).first(secagg::one_shot_header_bytes(helpers_.size())));
  message.insert(message.end(), vector.begin(), vector.end());
  secagg::OneShotMessage decoded;
  EXPECT_EQ(secagg::decode_one_shot(message, helpers_.size(), decoded), Rejection::kNone);
  tags = decoded.tags;
  return decoded.mask;
}

std::vector<std::uint8_t> OneShotFleet::sum_of_masks(const std::vector<std::size_t>& devices) const {
  std::vector<std::uint8_t> sum(layout_.byte_count());
  for (const std::size_t device : devices) secagg::ring_add(layout_, sum, mask_vectors_[device]);
  return sum;
}

bool OneShotFleet::fits(const std::vector<std::size_t>& devices, Bytes first, Bytes second) const {
  secagg::MaskKey coefficients;
  secagg::coefficient_key(check_key_, crypto::sha256({proto::encode_plan(plan_)}), coefficients);
  std::vector<std::uint32_t> lanes(layout_.lane_count());
  std::vector<std::uint32_t> masked(layout_.lane_count());
  std::array<std::uint64_t, 2> tags{};
  for (const std::size_t device : devices) {
    secagg::ring_decode(layout_, mask_vectors_[device], masked);
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] += masked[i];
    for (std::size_t i = 0; i < 2; ++i) tags[i] += tags_[device][i];
  }
  for (const Bytes sum : {first, second}) secagg::subtract_mask_sum(lanes, sum);
  const bool zeros = std::all_of(lanes.begin(), lanes.end(), [this](std::uint32_t lane) {
    return (lane & ((1u << layout_.bits()) - 1)) == 0;
  });
  return zeros && secagg::tag_of_sum(first, coefficients, plan_.aggregation.prg) == tags[0] &&
         secagg::tag_of_sum(second, coefficients, plan_.aggregation.prg) == tags[1];
}

std::vector<std::uint8_t> OneShotFleet::request(const proto::Plan& plan,
                                                std::vector<secagg::SealedMask> masks, Order order) {
  return request_of(proto::encode_plan(plan), std::move(masks), order);
}

std::vector<std::uint8_t> OneShotFleet::request_of(Bytes plan, std::vector<secagg::SealedMask> masks,
                                                   Order order) {
  if (order == Order::kByIdentity) {
    std::sort(masks.begin(), masks.end(), [](const auto& a, const auto& b) {
      return secagg::identity_of(a.credential.key) < secagg::identity_of(b.credential.key);
    });
  }
  std::vector<std::uint8_t> encoded(masks.size() * secagg::sealed_mask_bytes(helpers_.size()));
  for (std::size_t i = 0; i < masks.size(); ++i) {
    secagg::encode_sealed_mask(masks[i], MutableBytes(encoded)
                                             .subspan(i * secagg::sealed_mask_bytes(helpers_.size()))
                                             .first(secagg::sealed_mask_bytes(helpers_.size())));
  }
  const auto endorsement = secagg::endorse(authority_, secagg::Role::kCoordinator, coordinator_.public_key(),
                                           {.expires_at = plan_.issued_at + kCoordinatorEnds});
  const secagg::HelperRequest request{
      .plan_credential = secagg::make_credential(coordinator_, endorsement, secagg::plan_statement(plan)),
      .plan = plan,
      .masks = encoded,
      .helpers = helpers_.size()};
  std::vector<std::uint8_t> bytes(secagg::helper_request_bytes(plan.size(), masks.size(), helpers_.size()));
  secagg::encode_helper_request(request, bytes);
  return asked_by(coordinator_, bytes);
}

std::vector<std::uint8_t> OneShotFleet::asked_of(const crypto::X25519PublicKey& helper,
                                                 secagg::Signer& signer, Bytes request) {
  secagg::HelperRequest asked;
  EXPECT_EQ(secagg::decode_helper_request(request, asked), Rejection::kNone);
  const crypto::Digest plan = crypto::sha256({asked.plan});
  asked.signature = signer.sign(
      secagg::request_statement(
          {.helper = crypto::sha256({helper}), .plan = plan, .set = secagg::mask_set_digest(plan, asked)})
          .bytes());
  std::vector<std::uint8_t> bytes(request.size());
  secagg::encode_helper_request(asked, bytes);
  return bytes;
}

std::vector<std::uint8_t> OneShotFleet::request(const std::vector<std::size_t>& devices) {
  std::vector<secagg::SealedMask> masks;
  masks.reserve(devices.size());
  for (const std::size_t device : devices) masks.push_back(masks_[device]);
  return request(plan_, std::move(masks));
}

}  // namespace sotto::mask_helper
