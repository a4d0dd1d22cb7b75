#include "one_shot_fleet.h"
#include "support/fresh_key.h"
#include "support/small_cohorts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sotto::mask_helper {
namespace {

proto::Plan make_plan(const crypto::X25519PublicKey& helper, std::uint64_t issued_at) {
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
  plan.helper_digest = crypto::sha256({helper});
  return plan;
}

secagg::RingLayout layout_of(const proto::Plan& plan) {
  return {plan.aggregation.participants_max, secagg::update_lanes(plan.model.parameter_count())};
}

}  // namespace

OneShotFleet::OneShotFleet(std::size_t devices, const crypto::X25519PublicKey& helper,
                           std::uint64_t issued_at)
    : plan_(make_plan(helper, issued_at)),
      layout_(layout_of(plan_)),
      helper_(helper),
      mask_vectors_(devices) {
  for (std::size_t i = 0; i < devices; ++i) {
    devices_.emplace_back(crypto::fresh_key());
    masks_.push_back(draw(i, plan_, mask_vectors_[i]));
  }
}

secagg::SealedMask OneShotFleet::mask(std::size_t device, const proto::Plan& plan) {
  std::vector<std::uint8_t> unused;
  return draw(device, plan, unused);
}

secagg::SealedMask OneShotFleet::draw(std::size_t device, const proto::Plan& plan,
                                      std::vector<std::uint8_t>& vector) {
  secagg::KeySigner& signer = devices_[device];
  const secagg::SessionContext context{.round = plan.round.value,
                                       .plan_digest = crypto::sha256({proto::encode_plan(plan)}),
                                       .model_digest = plan.model_digest,
                                       .prg = plan.aggregation.prg};
  std::vector<std::uint8_t> message(secagg::kOneShotHeaderBytes);
  vector.assign(layout_.byte_count(), 0);  // masked zeros are the mask
  secagg::SealedSeed sealed;
  EXPECT_EQ(secagg::one_shot_mask(context, layout_, helper_, secagg::identity_of(signer.public_key()),
                                  random_, vector, sealed),
            Rejection::kNone);
  const secagg::Identity identity{
      .signer = signer,
      .endorsement =
          secagg::endorse(authority_, secagg::Role::kDevice, signer.public_key(),
                          {.expires_at = device == 1 ? plan_.issued_at + kDeviceOneEnds : secagg::kEndless}),
      .trust = authority()};
  secagg::one_shot_sign(context.plan_digest, identity, sealed, vector, random_,
                        MutableBytes(message).first<secagg::kOneShotHeaderBytes>());
  message.insert(message.end(), vector.begin(), vector.end());
  secagg::OneShotMessage decoded;
  EXPECT_EQ(secagg::decode_one_shot(message, decoded), Rejection::kNone);
  return decoded.mask;
}

std::vector<std::uint8_t> OneShotFleet::sum_of_masks(const std::vector<std::size_t>& devices) const {
  std::vector<std::uint8_t> sum(layout_.byte_count());
  for (const std::size_t device : devices) secagg::ring_add(layout_, sum, mask_vectors_[device]);
  return sum;
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
  std::vector<std::uint8_t> encoded(masks.size() * secagg::kSealedMaskBytes);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    secagg::encode_sealed_mask(
        masks[i],
        MutableBytes(encoded).subspan(i * secagg::kSealedMaskBytes).first<secagg::kSealedMaskBytes>());
  }
  const auto endorsement = secagg::endorse(authority_, secagg::Role::kCoordinator, coordinator_.public_key(),
                                           {.expires_at = plan_.issued_at + kCoordinatorEnds});
  const secagg::HelperRequest request{
      .plan_credential = secagg::make_credential(coordinator_, endorsement, secagg::plan_statement(plan)),
      .plan = plan,
      .masks = encoded};
  std::vector<std::uint8_t> bytes(secagg::helper_request_bytes(plan.size(), masks.size()));
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
