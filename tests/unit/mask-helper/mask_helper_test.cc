#include "sotto/mask_helper/mask_helper.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "one_shot_fleet.h"

namespace sotto::mask_helper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kDevices = 8;
constexpr Time kNow{1'000'000};
constexpr Time kStarted{-1};  // before the fleet's plan was signed

crypto::X25519PrivateKey key_of(std::uint8_t number) {
  crypto::SecretBytes<32> scalar;
  scalar.reveal_mutable()[3] = number;
  return crypto::X25519PrivateKey(scalar);
}

// A helper and a coordinator that asks it what it should not.
class LyingCoordinator : public testing::Test {
 protected:
  [[nodiscard]] proto::HelperReply answer(Bytes request) {
    const auto reply = helper_.answer(request, kNow, *executor_);
    EXPECT_TRUE(reply.has_value());
    return reply.has_value() ? *reply : proto::HelperRefusal{};
  }
  void expect_sum(const std::vector<std::uint8_t>& request, const std::vector<std::size_t>& devices) {
    const proto::HelperReply reply = answer(request);
    ASSERT_TRUE(std::holds_alternative<proto::MaskSum>(reply))
        << std::get<proto::HelperRefusal>(reply).reason;
    EXPECT_TRUE(std::get<proto::MaskSum>(reply).ring == fleet_.sum_of_masks(devices));
  }
  // Refused, and nothing is on record that was not before.
  proto::HelperRefusal expect_refusal(const std::vector<std::uint8_t>& request, const char* reason) {
    const crypto::Digest plan = crypto::sha256({proto::encode_plan(fleet_.plan())});
    const auto before = *answered_->find(plan);
    const proto::HelperReply reply = answer(request);
    EXPECT_TRUE(std::holds_alternative<proto::HelperRefusal>(reply)) << reason;
    EXPECT_EQ(*answered_->find(plan), before) << reason;
    if (!std::holds_alternative<proto::HelperRefusal>(reply)) return {};
    EXPECT_THAT(std::get<proto::HelperRefusal>(reply).reason, HasSubstr(reason));
    return std::get<proto::HelperRefusal>(reply);
  }
  [[nodiscard]] std::vector<secagg::SealedMask> first_five() const {
    return {fleet_.masks().begin(), fleet_.masks().begin() + 5};
  }
  // Where a device's mask stands in a request.
  [[nodiscard]] static std::uint16_t place(const std::vector<secagg::SealedMask>& masks, std::size_t device) {
    const auto own = secagg::identity_of(masks[device].credential.key);
    return static_cast<std::uint16_t>(std::count_if(masks.begin(), masks.end(), [&](const auto& mask) {
      return secagg::identity_of(mask.credential.key) < own;
    }));
  }

  OneShotFleet fleet_{kDevices, key_of(1).public_key()};
  std::unique_ptr<AnsweredPlans> answered_ = make_memory_answered_plans();
  MaskHelper helper_{key_of(1), {.authority = fleet_.authority(), .cohort_min = 3}, *answered_, kStarted};
  std::unique_ptr<Executor> executor_ = make_thread_pool(2);
};

TEST_F(LyingCoordinator, WhenHonestGetsTheSumOfTheMasks) {
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
}

TEST_F(LyingCoordinator, GetsTheSameAnswerToTheSameRequest) {
  const std::vector<std::uint8_t> request = fleet_.request({0, 2, 4, 6});
  expect_sum(request, {0, 2, 4, 6});
  expect_sum(request, {0, 2, 4, 6});
}

TEST_F(LyingCoordinator, GetsNoSecondSet) {
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
  for (const std::vector<std::size_t>& other :
       {std::vector<std::size_t>{0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 5}, {4, 5, 6, 7}}) {
    expect_refusal(fleet_.request(other), "another set of devices was answered for this plan");
  }
  std::vector<secagg::SealedMask> masks = first_five();
  masks[2] = fleet_.mask(2, fleet_.plan());  // the same devices, one with another message
  expect_refusal(fleet_.request(fleet_.plan(), masks), "another set of devices");
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
}

TEST_F(LyingCoordinator, GetsNoSumOfFewDevices) {
  expect_refusal(fleet_.request({0, 1, 2}), "the set has 3 devices; for this plan it must have 4 .. 50");
  expect_refusal(fleet_.request({}), "the set has 0 devices");
  proto::Plan plan = fleet_.plan();  // a plan that asks for less than the helper does
  plan.aggregation.cohort_min = 3;
  MaskHelper strict(key_of(1), {.authority = fleet_.authority(), .cohort_min = 6}, *answered_, kStarted);
  std::vector<secagg::SealedMask> masks;
  for (std::size_t i = 0; i < 5; ++i) masks.push_back(fleet_.mask(i, plan));
  const auto reply = strict.answer(fleet_.request(plan, masks), kNow, *executor_);
  ASSERT_TRUE(reply.has_value());
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason, HasSubstr("must have 6 .. 50"));
  MaskHelper careless(key_of(1), {.authority = fleet_.authority(), .cohort_min = 1}, *answered_, kStarted);
  masks.resize(2);
  EXPECT_THAT(
      std::get<proto::HelperRefusal>(*careless.answer(fleet_.request(plan, masks), kNow, *executor_)).reason,
      HasSubstr("must have 3 .. 50"));
}

TEST_F(LyingCoordinator, GetsNoSumOfMoreDevicesThanThePlanAllows) {
  proto::Plan plan = fleet_.plan();
  plan.aggregation.participants_max = 5;
  std::vector<secagg::SealedMask> masks;
  for (std::size_t i = 0; i < 6; ++i) masks.push_back(fleet_.mask(i, plan));
  const auto reply = helper_.answer(fleet_.request(plan, masks), kNow, *executor_);
  ASSERT_TRUE(reply.has_value());
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason,
              HasSubstr("the set has 6 devices; for this plan it must have 4 .. 5"));
  masks.pop_back();
  EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(answer(fleet_.request(plan, masks))));
}

TEST_F(LyingCoordinator, GetsNothingForAnOldPlanNorForOneOfTheFuture) {
  const std::vector<std::uint8_t> request = fleet_.request({0, 2, 3, 4});
  const proto::Plan& plan = fleet_.plan();
  const auto refusal_at = [&](std::uint64_t now_s) {
    const auto reply = helper_.answer(request, Time{static_cast<std::int64_t>(now_s) * 1000}, *executor_);
    const auto* refusal = std::get_if<proto::HelperRefusal>(&*reply);
    return refusal == nullptr ? std::string() : refusal->reason;
  };
  EXPECT_THAT(refusal_at(plan.not_after + 1), HasSubstr("the plan ended at 1970-01-01T01:00:00Z"));
  EXPECT_FALSE(answered_->find(crypto::sha256({proto::encode_plan(plan)}))->has_value());
  EXPECT_EQ(refusal_at(plan.not_after), "");
  EXPECT_THAT(refusal_at(plan.not_after + 1), HasSubstr("the plan ended")) << "answered before, and over";
  OneShotFleet tomorrow(kDevices, key_of(1).public_key(), 86'400);
  MaskHelper helper(key_of(1), {.authority = tomorrow.authority()}, *answered_, kStarted);
  const auto reply = helper.answer(tomorrow.request({0, 1, 2, 3}), kNow, *executor_);
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason,
              HasSubstr("the plan was signed at 1970-01-02T00:00:00Z"));
}

TEST_F(LyingCoordinator, CannotCountADeviceTwice) {
  std::vector<secagg::SealedMask> masks = first_five();
  masks.push_back(masks[2]);
  expect_refusal(fleet_.request(fleet_.plan(), masks), "ascending order, each of them once");
  masks.back() = fleet_.mask(2, fleet_.plan());  // even when the device sent two messages
  expect_refusal(fleet_.request(fleet_.plan(), masks), "ascending order, each of them once");
}

TEST_F(LyingCoordinator, CannotBringADeviceWhoseEndorsementHasEnded) {
  const std::vector<std::uint8_t> request = fleet_.request({0, 1, 2, 3, 4});
  const auto at = [&](std::uint64_t seconds) {
    return *helper_.answer(request, Time{static_cast<std::int64_t>(seconds * 1000)}, *executor_);
  };
  const proto::HelperReply refused = at(OneShotFleet::kDeviceOneEnds);
  ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(refused));
  const auto& refusal = std::get<proto::HelperRefusal>(refused);
  EXPECT_THAT(refusal.reason, HasSubstr("1 of 5 masks are not signed"));
  EXPECT_EQ(refusal.at_fault, std::vector<std::uint16_t>{place(first_five(), 1)});
  EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(at(OneShotFleet::kDeviceOneEnds - 1)));
}

TEST_F(LyingCoordinator, CannotAskWhenItsOwnEndorsementHasEnded) {
  const std::vector<std::uint8_t> request = fleet_.request({0, 2, 3, 4});
  const Time end{static_cast<std::int64_t>(OneShotFleet::kCoordinatorEnds * 1000)};
  const auto refused = helper_.answer(request, end, *executor_);
  ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(*refused));
  EXPECT_THAT(std::get<proto::HelperRefusal>(*refused).reason, HasSubstr("has ended"));
  const auto answered = helper_.answer(request, kNow, *executor_);
  EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(*answered));
}

TEST_F(LyingCoordinator, CannotBringADeviceThatTheAuthorityHasRevoked) {
  secagg::Trust authority = fleet_.authority();
  const crypto::Digest stolen = fleet_.identity(2);
  authority.revoked = stolen;
  MaskHelper informed(key_of(1), {.authority = authority, .cohort_min = 3}, *answered_, kStarted);
  const auto reply = informed.answer(fleet_.request({0, 2, 3, 4}), kNow, *executor_);
  ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(*reply));
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason, HasSubstr("1 of 4 masks are not signed"));
  const auto without = informed.answer(fleet_.request({0, 1, 3, 4}), kNow, *executor_);
  EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(*without));
}

TEST_F(LyingCoordinator, ThatWasRevokedAsksInVain) {
  secagg::Trust authority = fleet_.authority();
  const crypto::Digest stolen = secagg::identity_of(fleet_.coordinator().public_key());
  authority.revoked = stolen;
  MaskHelper informed(key_of(1), {.authority = authority, .cohort_min = 3}, *answered_, kStarted);
  const auto reply = informed.answer(fleet_.request({0, 2, 3, 4}), kNow, *executor_);
  ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(*reply));
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason, HasSubstr("revoked the coordinator"));
}

TEST_F(LyingCoordinator, CannotPutTheSetInAnotherOrder) {
  std::vector<secagg::SealedMask> masks = first_five();
  std::sort(masks.begin(), masks.end(), [](const auto& a, const auto& b) {
    return secagg::identity_of(a.credential.key) > secagg::identity_of(b.credential.key);
  });
  expect_refusal(fleet_.request(fleet_.plan(), masks, OneShotFleet::Order::kAsGiven), "ascending order");
}

TEST_F(LyingCoordinator, CannotInventDevices) {
  OneShotFleet invented(kDevices, helper_.public_key());  // under an authority of the coordinator's own
  std::vector<secagg::SealedMask> masks = first_five();
  masks[1] = invented.masks()[1];
  masks[4] = invented.masks()[4];
  const proto::HelperRefusal refusal = expect_refusal(
      fleet_.request(fleet_.plan(), masks), "2 of 5 masks are not signed for this plan by a device");
  std::vector<std::uint16_t> places = {place(masks, 1), place(masks, 4)};
  std::sort(places.begin(), places.end());
  EXPECT_EQ(refusal.at_fault, places);
  // Its own key is endorsed, but as a coordinator's.
  masks = first_five();
  masks[1].credential = secagg::make_credential(fleet_.coordinator(), masks[1].credential.endorsement,
                                                secagg::Statement{masks[1].seeds[0]});
  expect_refusal(fleet_.request(fleet_.plan(), masks), "1 of 5 masks are not signed");
}

TEST_F(LyingCoordinator, CannotUseMessagesOfAnotherPlan) {
  proto::Plan other = fleet_.plan();
  ++other.round.value;
  std::vector<secagg::SealedMask> masks = first_five();
  masks[3] = fleet_.mask(3, other);
  EXPECT_THAT(
      expect_refusal(fleet_.request(fleet_.plan(), masks), "1 of 5 masks are not signed for this plan")
          .at_fault,
      ElementsAre(place(masks, 3)));
  // The whole set under another plan: replayed to get a second sum.
  expect_sum(fleet_.request({0, 1, 2, 4, 5}), {0, 1, 2, 4, 5});
  expect_refusal(fleet_.request(other, first_five()), "5 of 5 masks are not signed for this plan");
}

TEST_F(LyingCoordinator, CannotAlterWhatADeviceSigned) {
  std::vector<secagg::SealedMask> masks = first_five();
  masks[0].commitment[7] ^= 1;  // another vector
  EXPECT_THAT(expect_refusal(fleet_.request(fleet_.plan(), masks), "1 of 5 masks are not signed").at_fault,
              ElementsAre(place(masks, 0)));
  masks = first_five();
  masks[0].seeds = masks[1].seeds;  // another's seed
  expect_refusal(fleet_.request(fleet_.plan(), masks), "1 of 5 masks are not signed");
}

TEST_F(LyingCoordinator, IsToldWhoseSeedDoesNotOpen) {
  proto::Plan plan = fleet_.plan();
  plan.helper_digest = crypto::sha256({key_of(2).public_key()});
  MaskHelper other(key_of(2), {.authority = fleet_.authority(), .cohort_min = 3}, *answered_, kStarted);
  std::vector<secagg::SealedMask> masks;
  for (std::size_t i = 0; i < 5; ++i)
    masks.push_back(fleet_.mask(i, plan));  // sealed to the first helper's key
  const auto reply = other.answer(
      OneShotFleet::asked_of(key_of(2).public_key(), fleet_.coordinator(), fleet_.request(plan, masks)), kNow,
      *executor_);
  ASSERT_TRUE(reply.has_value());
  const auto& refusal = std::get<proto::HelperRefusal>(*reply);
  EXPECT_THAT(refusal.reason, HasSubstr("5 of 5 masks do not open"));
  EXPECT_THAT(refusal.at_fault, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(LyingCoordinator, CannotBringAPlanOfItsOwnMaking) {
  proto::Plan plan = fleet_.plan();
  plan.helper_digest = crypto::sha256({key_of(2).public_key()});
  expect_refusal(fleet_.request(plan, first_five()), "the plan names another helper's key");
  plan = fleet_.plan();
  plan.aggregation.kind = proto::Aggregation::kSecure;
  plan.helper_digest = {};
  expect_refusal(fleet_.request(plan, first_five()), "a helper serves one_shot only");
  OneShotFleet stranger(kDevices, helper_.public_key());  // asks with devices' genuine messages
  expect_refusal(stranger.request(fleet_.plan(), first_five()), "not signed by a coordinator");
  std::vector<std::uint8_t> request = fleet_.request({0, 1, 2, 3, 4});
  request[secagg::kHelperRequestHeaderBytes + 20] ^= 1;  // a plan that was not signed so
  expect_refusal(request, "not signed by a coordinator");
}

TEST_F(LyingCoordinator, CannotSignWhatIsNoPlan) {
  std::vector<std::uint8_t> plan = proto::encode_plan(fleet_.plan());
  plan.push_back(0);
  expect_refusal(fleet_.request_of(plan, first_five()), proto::decode_plan(plan).error().message().c_str());
  plan.resize(plan.size() / 2);
  expect_refusal(fleet_.request_of(plan, first_five()), proto::decode_plan(plan).error().message().c_str());
  expect_refusal(fleet_.request_of({}, first_five()), proto::decode_plan({}).error().message().c_str());
}

TEST_F(LyingCoordinator, GetsTheSumOfExactlyAsManyDevicesAsHideOne) {
  proto::Plan plan = fleet_.plan();
  plan.aggregation.cohort_min = 3;
  std::vector<secagg::SealedMask> masks;
  for (std::size_t i = 0; i < 3; ++i) masks.push_back(fleet_.mask(i, plan));
  EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(answer(fleet_.request(plan, masks))));
}

TEST_F(LyingCoordinator, GetsAWordForBytesThatAreNoRequest) {
  std::vector<std::uint8_t> request = fleet_.request({0, 1, 2, 3, 4});
  expect_refusal({}, describe(Rejection::kMalformed));
  request.pop_back();
  expect_refusal(request, describe(Rejection::kMalformed));
  request[0] = 9;
  expect_refusal(request, describe(Rejection::kWrongVersion));
}

std::optional<proto::HelperRefusal> refusal_of(const Result<proto::HelperReply>& reply) {
  EXPECT_TRUE(reply.has_value());
  const auto* refusal = std::get_if<proto::HelperRefusal>(&*reply);
  return refusal == nullptr ? std::nullopt : std::optional(*refusal);
}

// The operator put a copy of yesterday's record back, or none, and started the helper again.
TEST_F(LyingCoordinator, GetsNoSecondSetFromAHelperWhoseRecordWasSetBack) {
  using Kind = proto::HelperRefusal::Kind;
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
  const Time restart{kNow.ms + 1};
  const auto forgetful = make_memory_answered_plans();
  MaskHelper restarted(key_of(1), {.authority = fleet_.authority()}, *forgetful, restart);
  for (const auto& set : {std::vector<std::size_t>{0, 1, 2, 3}, {0, 1, 2, 3, 4}}) {
    const auto refusal = refusal_of(restarted.answer(fleet_.request(set), restart, *executor_));
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->kind, Kind::kBeforeStart);
    EXPECT_THAT(refusal->reason, HasSubstr("signed at 1970-01-01T00:00:00Z, before this helper's start at "
                                           "1970-01-01T00:16:40Z: a new round is needed"));
    EXPECT_TRUE(refusal->at_fault.empty());
  }
  EXPECT_EQ(*forgetful->find(crypto::sha256({proto::encode_plan(fleet_.plan())})), std::nullopt);
}

TEST_F(LyingCoordinator, GetsAnswersForPlansThatWereSignedAfterTheHelpersStartOnly) {
  using Kind = proto::HelperRefusal::Kind;
  constexpr std::uint64_t kIssuedAt = 5000;
  OneShotFleet fleet(kDevices, key_of(1).public_key(), kIssuedAt);
  const std::vector<std::uint8_t> request = fleet.request({0, 2, 3, 4});
  const auto started_at = [&](std::int64_t ms) {
    const auto answered = make_memory_answered_plans();
    MaskHelper helper(key_of(1), {.authority = fleet.authority()}, *answered, Time{ms});
    return refusal_of(helper.answer(request, Time{5'100'000}, *executor_));
  };
  EXPECT_EQ(started_at(4'999'999), std::nullopt);
  // In the second in which the plan was signed: which came first cannot be told.
  ASSERT_TRUE(started_at(5'000'000).has_value());
  EXPECT_EQ(started_at(5'000'000)->kind, Kind::kBeforeStart);
  EXPECT_EQ(started_at(5'000'999)->kind, Kind::kBeforeStart);
  EXPECT_EQ(started_at(5'099'999)->kind, Kind::kBeforeStart);
}

// Otherwise a coordinator that signs plans of tomorrow would have one answered before a restart and after.
TEST_F(LyingCoordinator, GetsNothingForAPlanBeforeItsTimeHasComeHere) {
  using Kind = proto::HelperRefusal::Kind;
  OneShotFleet fleet(kDevices, key_of(1).public_key(), 1000);
  MaskHelper helper(key_of(1), {.authority = fleet.authority()}, *answered_, kStarted);
  const std::vector<std::uint8_t> request = fleet.request({0, 2, 3, 4});
  const auto early = refusal_of(helper.answer(request, Time{999'999}, *executor_));
  ASSERT_TRUE(early.has_value());
  EXPECT_EQ(early->kind, Kind::kNotYet);
  EXPECT_THAT(early->reason, HasSubstr("1970-01-01T00:16:40Z, which is yet to come here, where it is "
                                       "1970-01-01T00:16:39Z: ask again then"));
  EXPECT_EQ(*answered_->find(crypto::sha256({proto::encode_plan(fleet.plan())})), std::nullopt);
  EXPECT_EQ(refusal_of(helper.answer(request, Time{1'000'000}, *executor_)), std::nullopt);
}

// A start whose clock is behind what it was: the record knows better.
TEST_F(LyingCoordinator, GetsNoSecondSetAfterTheHelpersClockWasSetBack) {
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
  MaskHelper restarted(key_of(1), {.authority = fleet_.authority()}, *answered_, kStarted);
  const auto refusal = refusal_of(restarted.answer(fleet_.request({0, 1, 2, 3}), kNow, *executor_));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->reason, HasSubstr("another set of devices"));
  EXPECT_EQ(refusal->kind, proto::HelperRefusal::Kind::kFinal);
}

constexpr const char* kNotAsked = "the set is not signed by the coordinator that signed the plan";

// Every device that was offered a plan knows it and its credential.
TEST_F(LyingCoordinator, IsNotADeviceThatAsksFirst) {
  const std::vector<std::uint8_t> set_of_its_own = fleet_.request({3, 4, 5, 6});
  expect_refusal(fleet_.asked_by(fleet_.device(3), set_of_its_own), kNotAsked);
  // Nor when it shows its own endorsement beside the plan.
  secagg::HelperRequest request;
  ASSERT_EQ(secagg::decode_helper_request(set_of_its_own, request), Rejection::kNone);
  request.plan_credential = secagg::make_credential(
      fleet_.device(3), fleet_.masks()[3].credential.endorsement, secagg::plan_statement(request.plan));
  std::vector<std::uint8_t> bytes(set_of_its_own.size());
  secagg::encode_helper_request(request, bytes);
  expect_refusal(fleet_.asked_by(fleet_.device(3), bytes), "not signed by a coordinator");
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
}

TEST_F(LyingCoordinator, IsNotAnotherThanTheOneThatSignedThePlan) {
  secagg::KeySigner other(crypto::fresh_key());
  expect_refusal(fleet_.asked_by(other, fleet_.request({0, 1, 2, 3})), kNotAsked);
  expect_refusal(fleet_.asked_by(fleet_.authority_signer(), fleet_.request({0, 1, 2, 3})), kNotAsked);
  expect_sum(fleet_.request({0, 1, 2, 3, 4}), {0, 1, 2, 3, 4});
}

// What somebody saw of an honest request is good for that request.
TEST_F(LyingCoordinator, HasSignedThisSetOfThisPlanForThisHelper) {
  constexpr std::ptrdiff_t kAt = 6 + secagg::kCredentialBytes;
  constexpr std::ptrdiff_t kBytes = crypto::kEs256SignatureBytes;
  const std::vector<std::uint8_t> wanted = fleet_.request({0, 1, 2, 3});
  const auto with_signature_of = [&](const std::vector<std::uint8_t>& other, std::ptrdiff_t at) {
    std::vector<std::uint8_t> request = wanted;
    std::copy_n(other.begin() + at, kBytes, request.begin() + kAt);
    return request;
  };
  expect_refusal(with_signature_of(fleet_.request({0, 1, 2, 4}), kAt), kNotAsked);
  proto::Plan next = fleet_.plan();
  ++next.round.value;
  const auto of_other_plan = fleet_.request(next, {fleet_.masks().begin(), fleet_.masks().begin() + 4});
  expect_refusal(with_signature_of(of_other_plan, kAt), kNotAsked);
  expect_refusal(with_signature_of(wanted, kAt - kBytes), kNotAsked);  // the plan's own
  expect_refusal(OneShotFleet::asked_of(key_of(2).public_key(), fleet_.coordinator(), wanted), kNotAsked);
  std::vector<std::uint8_t> damaged = wanted;
  damaged[kAt + kBytes - 1] ^= 1;
  expect_refusal(damaged, kNotAsked);
  expect_refusal(with_signature_of(std::vector<std::uint8_t>(wanted.size()), kAt), kNotAsked);
  expect_sum(wanted, {0, 1, 2, 3});
}

// Devices whose plan names two helpers.
class LyingCoordinatorOfTwoHelpers : public testing::Test {
 protected:
  [[nodiscard]] proto::HelperReply answer(std::size_t place, Bytes request) {
    const auto reply = (place == 0 ? first_ : second_).answer(request, kNow, *executor_);
    EXPECT_TRUE(reply.has_value());
    return reply.has_value() ? *reply : proto::HelperRefusal{};
  }
  [[nodiscard]] std::vector<std::uint8_t> sum_of(std::size_t place, Bytes request) {
    const proto::HelperReply reply = answer(place, request);
    EXPECT_TRUE(std::holds_alternative<proto::MaskSum>(reply));
    return std::holds_alternative<proto::MaskSum>(reply) ? std::get<proto::MaskSum>(reply).ring
                                                         : std::vector<std::uint8_t>();
  }
  // The same request, asked of the second helper.
  [[nodiscard]] std::vector<std::uint8_t> of_second(Bytes request) {
    return OneShotFleet::asked_of(key_of(2).public_key(), fleet_.coordinator(), request);
  }
  [[nodiscard]] std::string reason(std::size_t place, Bytes request) {
    const proto::HelperReply reply = answer(place, request);
    const auto* refusal = std::get_if<proto::HelperRefusal>(&reply);
    return refusal == nullptr ? "a sum" : refusal->reason;
  }

  OneShotFleet fleet_{kDevices, std::vector{key_of(1).public_key(), key_of(2).public_key()}};
  const std::unique_ptr<AnsweredPlans> answered_by_first_ = make_memory_answered_plans();
  const std::unique_ptr<AnsweredPlans> answered_by_second_ = make_memory_answered_plans();
  MaskHelper first_{key_of(1), {.authority = fleet_.authority()}, *answered_by_first_, kStarted};
  MaskHelper second_{key_of(2), {.authority = fleet_.authority()}, *answered_by_second_, kStarted};
  std::unique_ptr<Executor> executor_ = make_thread_pool(2);
};

TEST_F(LyingCoordinatorOfTwoHelpers, WhenHonestGetsOneSumFromEach) {
  const std::vector<std::uint8_t> request = fleet_.request({0, 2, 3, 4, 7});
  const std::vector<std::uint8_t> first = sum_of(0, request);
  const std::vector<std::uint8_t> second = sum_of(1, of_second(request));
  EXPECT_TRUE(fleet_.fits({0, 2, 3, 4, 7}, first, second));
  EXPECT_FALSE(fleet_.fits({0, 2, 3, 4, 7}, second, first));
  EXPECT_FALSE(fleet_.fits({0, 2, 3, 4}, first, second));
}

TEST_F(LyingCoordinatorOfTwoHelpers, GetsNoSecondSetFromEither) {
  (void)sum_of(0, fleet_.request({0, 1, 2, 3}));
  (void)sum_of(1, of_second(fleet_.request({0, 1, 2, 3})));
  const std::vector<std::uint8_t> other = fleet_.request({0, 1, 2, 4});
  EXPECT_THAT(reason(0, other), HasSubstr("another set of devices"));
  EXPECT_THAT(reason(1, of_second(other)), HasSubstr("another set of devices"));
}

TEST_F(LyingCoordinatorOfTwoHelpers, CannotAskOneInTheOthersName) {
  EXPECT_THAT(reason(1, fleet_.request({0, 1, 2, 3})), HasSubstr("the set is not signed"));
  EXPECT_THAT(reason(0, of_second(fleet_.request({0, 1, 2, 3}))), HasSubstr("the set is not signed"));
}

// Otherwise the second helper's word would not be asked for.
TEST_F(LyingCoordinatorOfTwoHelpers, CannotMakeOneHelperOfTwo) {
  OneShotFleet one(kDevices, key_of(1).public_key());
  const std::vector<secagg::SealedMask> masks(one.masks().begin(), one.masks().begin() + 4);
  const std::vector<std::uint8_t> request = one.request(fleet_.plan(), masks);
  MaskHelper helper(key_of(1), {.authority = one.authority()}, *answered_by_first_, kStarted);
  const auto reply = helper.answer(request, kNow, *executor_);
  ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(*reply));
  EXPECT_THAT(std::get<proto::HelperRefusal>(*reply).reason,
              HasSubstr("the request shows seeds for 1 helpers, the plan names 2"));
}

TEST_F(LyingCoordinatorOfTwoHelpers, CannotPutSeedsInAnotherOrderNorExchangeOne) {
  std::vector<secagg::SealedMask> masks(fleet_.masks().begin(), fleet_.masks().begin() + 4);
  std::swap(masks[1].seeds[0], masks[1].seeds[1]);
  EXPECT_THAT(reason(0, fleet_.request(fleet_.plan(), masks)), HasSubstr("1 of 4 masks are not signed"));
  masks[1] = fleet_.masks()[1];
  masks[1].seeds[1] = masks[2].seeds[1];  // not the one that the first helper opens
  EXPECT_THAT(reason(0, fleet_.request(fleet_.plan(), masks)), HasSubstr("1 of 4 masks are not signed"));
}

// A disk that fails when it should remember.
class FailingPlans final : public AnsweredPlans {
 public:
  Result<std::optional<crypto::Digest>> find(const crypto::Digest&) override {
    if (fails_to_find) return io_error("cannot read");
    return std::optional<crypto::Digest>();
  }
  Status record(const crypto::Digest&, const crypto::Digest&) override { return io_error("cannot write"); }
  bool fails_to_find = false;
};

TEST_F(LyingCoordinator, GetsNothingThatIsNotOnRecordFirst) {
  FailingPlans failing;
  MaskHelper helper(key_of(1), {.authority = fleet_.authority(), .cohort_min = 3}, failing, kStarted);
  EXPECT_THAT(helper.answer(fleet_.request({0, 1, 2, 3}), kNow, *executor_).error().message(),
              HasSubstr("cannot write"));
  failing.fails_to_find = true;
  EXPECT_THAT(helper.answer(fleet_.request({0, 1, 2, 3}), kNow, *executor_).error().message(),
              HasSubstr("cannot read"));
}

}  // namespace
}  // namespace sotto::mask_helper
