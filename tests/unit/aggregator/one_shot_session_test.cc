#include "sotto/aggregator/one_shot_session.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "cohort.h"
#include "sotto/secagg/one_shot.h"
#include "support/fresh_key.h"

namespace sotto::aggregator {
namespace {

using proto::Step;
using ::testing::HasSubstr;

// A helper that believes everything, unless it is told what to answer. What a real one refuses is its own
// test.
class TrustingHelper final : public HelperLink {
 public:
  explicit TrustingHelper(proto::Plan plan)
      : plan_(std::move(plan)),
        layout_(plan_.aggregation.participants_max, secagg::update_lanes(plan_.model.parameter_count())) {}

  Result<proto::HelperReply> sum_masks(Bytes request) override {
    ++asked;
    if (answer) return answer();
    secagg::HelperRequest decoded;
    EXPECT_EQ(secagg::decode_helper_request(request, decoded), Rejection::kNone);
    const crypto::Digest plan_digest = context().plan_digest;
    EXPECT_EQ(secagg::check_request(decoded, {.helper = plan_.helper_digest,
                                              .plan = plan_digest,
                                              .set = secagg::mask_set_digest(plan_digest, decoded)}),
              Rejection::kNone);
    const std::vector<std::uint8_t> plan_bytes = proto::encode_plan(plan_);
    EXPECT_TRUE(std::equal(plan_bytes.begin(), plan_bytes.end(), decoded.plan.begin(), decoded.plan.end()));
    proto::MaskSum sum;
    sum.ring.resize(layout_.byte_count());
    crypto::Keystream stream(plan_.aggregation.prg);
    crypto::Digest last{};
    for (std::size_t i = 0; i < decoded.mask_count(); ++i) {
      const secagg::SealedMask mask = decoded.mask(i);
      const crypto::Digest identity = secagg::identity_of(mask.credential.key);
      EXPECT_LT(last, identity) << "in ascending order";
      last = identity;
      secagg::MaskKey mask_key;
      EXPECT_TRUE(secagg::open_sealed_mask(mask, context(), layout_, key, mask_key));
      stream.rekey(mask_key);
      secagg::ring_apply_mask(layout_, sum.ring, stream, secagg::MaskSign::kAdd);
    }
    return proto::HelperReply(std::move(sum));
  }

  [[nodiscard]] secagg::SessionContext context() const {
    return {.round = plan_.round.value,
            .plan_digest = crypto::sha256({proto::encode_plan(plan_)}),
            .model_digest = plan_.model_digest,
            .prg = plan_.aggregation.prg};
  }

  crypto::X25519PrivateKey key{crypto::SecretBytes<32>()};
  std::function<Result<proto::HelperReply>()> answer;
  int asked = 0;

 private:
  proto::Plan plan_;
  secagg::RingLayout layout_;
};

proto::Plan one_shot_plan(std::uint16_t participants_max, proto::Packing packing, std::uint32_t features) {
  proto::Plan plan = small_plan(features, participants_max);
  plan.aggregation.kind = proto::Aggregation::kOneShot;
  plan.aggregation.packing = packing;
  plan.helper_digest.fill(1);
  return plan;
}

class OneShotSession : public testing::Test {
 protected:
  explicit OneShotSession(std::uint16_t participants_max = 20,
                          proto::Packing packing = proto::Packing::kWords, std::uint32_t features = 9)
      : plan_(one_shot_plan(participants_max, packing, features)),
        layout_(participants_max, secagg::update_lanes(plan_.model.parameter_count()), packing),
        cohort_(plan_, 6, 5),
        helper_(plan_) {
    for (std::size_t i = 0; i < 6; ++i) devices_.emplace_back(crypto::fresh_key());
    session_ = make();
  }

  [[nodiscard]] std::unique_ptr<CohortSession> make() {
    crypto::SeededRandom random(1);
    auto session = make_one_shot_session(
        plan_, proto::encode_plan(plan_),
        {.authority = authority_.public_key(),
         .plan_credential = {.key = coordinator_.public_key(), .endorsement = {}, .signature = {}},
         .coordinator = coordinator_,
         .helper = helper_},
        random);
    EXPECT_TRUE(session.has_value()) << session.error().message();
    return std::move(*session);
  }

  // The message with which a device of this identity sends another's vector.
  [[nodiscard]] std::vector<std::uint8_t> message(std::size_t identity, std::size_t vector_of,
                                                  std::uint8_t last_bits = 0) {
    secagg::KeySigner& device = devices_[identity];
    const secagg::SessionContext context = helper_.context();
    std::vector<std::uint8_t> ring = cohort_.ring_vector(vector_of);
    std::vector<std::uint8_t> message(secagg::kOneShotHeaderBytes);
    secagg::SealedSeed sealed;
    EXPECT_EQ(secagg::one_shot_mask(context, layout_, helper_.key.public_key(),
                                    secagg::identity_of(device.public_key()), random_, ring, sealed),
              Rejection::kNone);
    const std::size_t vector_bytes = secagg::ring_pack(layout_, ring).size();
    const MutableBytes vector = MutableBytes(ring).first(vector_bytes);
    vector.back() = static_cast<std::uint8_t>(vector.back() | last_bits);
    const secagg::Identity as{
        .signer = device,
        .endorsement = secagg::endorse(authority_, secagg::Role::kDevice, device.public_key(), {}),
        .trust = authority_.public_key()};
    secagg::one_shot_sign(context.plan_digest, as, sealed, vector, random_,
                          MutableBytes(message).first<secagg::kOneShotHeaderBytes>());
    message.insert(message.end(), vector.begin(), vector.end());
    return message;
  }
  [[nodiscard]] Rejection admit(std::size_t device) {
    ParticipantIndex index;
    return session_->admit(message(device, device), index);
  }
  [[nodiscard]] Result<CohortSum> finish() {
    const auto progress = session_->close_step();
    if (!progress) return progress.error();
    EXPECT_EQ(*progress, CohortSession::Progress::kReadyToFinish);
    InlineExecutor executor;
    return session_->finish(executor);
  }

  proto::Plan plan_;
  secagg::RingLayout layout_;
  Cohort cohort_;
  TrustingHelper helper_;
  secagg::KeySigner authority_{crypto::fresh_key()};
  secagg::KeySigner coordinator_{crypto::fresh_key()};
  std::vector<secagg::KeySigner> devices_;
  crypto::SeededRandom random_{9};
  std::unique_ptr<CohortSession> session_;
};

class OneShotSessionInWords : public OneShotSession {
 protected:
  OneShotSessionInWords() : OneShotSession(300) {}
};

class OneShotSessionInBits : public OneShotSession {
 protected:
  OneShotSessionInBits() : OneShotSession(20, proto::Packing::kBits) {}
};

class OneShotSessionWithBitsToSpare : public OneShotSession {
 protected:
  OneShotSessionWithBitsToSpare() : OneShotSession(300, proto::Packing::kBits, 10) {}
};

TEST_F(OneShotSession, SumsExactlyWhatDevicesSent) {
  for (const std::size_t device : {4, 0, 2, 5}) EXPECT_EQ(admit(device), Rejection::kNone);
  const auto sum = finish();
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  expect_equal(*sum, cohort_.expected([](std::size_t device) { return device != 1 && device != 3; }));
  EXPECT_EQ(helper_.asked, 1);
}

TEST_F(OneShotSessionInWords, SumsExactlyWhatDevicesSent) {
  for (std::size_t device = 0; device < 6; ++device) EXPECT_EQ(admit(device), Rejection::kNone);
  const auto sum = finish();
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  expect_equal(*sum, cohort_.expected([](std::size_t) { return true; }));
}

TEST_F(OneShotSessionInBits, SumsExactlyWhatDevicesSent) {
  ASSERT_LT(layout_.message_bytes(), layout_.byte_count());
  for (std::size_t device = 0; device < 6; ++device) EXPECT_EQ(admit(device), Rejection::kNone);
  const auto sum = finish();
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  expect_equal(*sum, cohort_.expected([](std::size_t) { return true; }));
}

TEST_F(OneShotSessionWithBitsToSpare, RefusesASignedVectorWhoseLastBitsAreNotZero) {
  ASSERT_NE(layout_.bits() * layout_.lane_count() % 8, 0u);
  ParticipantIndex index;
  EXPECT_EQ(session_->admit(message(0, 0, 0x80), index), Rejection::kMalformed);
  EXPECT_EQ(session_->awaited_count(), 0u);
  for (std::size_t device = 0; device < 6; ++device) EXPECT_EQ(admit(device), Rejection::kNone);
  const auto sum = finish();
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  expect_equal(*sum, cohort_.expected([](std::size_t) { return true; }));
}

TEST_F(OneShotSession, CountsADeviceOnce) {
  const std::vector<std::uint8_t> first = message(0, 0);
  ParticipantIndex index;
  ASSERT_EQ(session_->admit(first, index), Rejection::kNone);
  EXPECT_EQ(index.value, 0);
  EXPECT_EQ(session_->admit(message(0, 1), index), Rejection::kBadKey) << "the same identity";
  EXPECT_EQ(session_->admit(first, index), Rejection::kBadKey);
  EXPECT_EQ(session_->receive({0}, Step::kJoin, first), Rejection::kNone) << "a repeated message";
  EXPECT_EQ(session_->receive({0}, Step::kJoin, message(0, 0)), Rejection::kDuplicate);
  EXPECT_EQ(session_->answered_count(), 1u);
}

TEST_F(OneShotSession, RefusesWhatTheDeviceDidNotSign) {
  ParticipantIndex index;
  const std::vector<std::uint8_t> sound = message(0, 0);
  for (const std::size_t position :
       {std::size_t{0}, std::size_t{90}, std::size_t{300}, secagg::kOneShotHeaderBytes, sound.size() - 1}) {
    std::vector<std::uint8_t> altered = sound;
    altered[position] ^= 1;
    EXPECT_EQ(session_->admit(altered, index), Rejection::kBadSignature) << position;
  }
  authority_ = secagg::KeySigner(crypto::fresh_key());
  EXPECT_EQ(admit(1), Rejection::kBadSignature) << "enrolled by somebody else";
  EXPECT_EQ(session_->awaited_count(), 0u);
  EXPECT_EQ(session_->admit(sound, index), Rejection::kNone) << "refusals leave no trace";
}

TEST_F(OneShotSession, RefusesAMessageOfAnotherLength) {
  ParticipantIndex index;
  std::vector<std::uint8_t> sound = message(0, 0);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{64}, secagg::kOneShotHeaderBytes, sound.size() - 2}) {
    EXPECT_EQ(session_->admit(Bytes(sound).first(size), index), Rejection::kWrongLength) << size;
  }
  sound.push_back(0);
  EXPECT_EQ(session_->admit(sound, index), Rejection::kWrongLength);
}

TEST_F(OneShotSession, AsksNobodyBelowTheMinimum) {
  for (const std::size_t device : {0, 1}) EXPECT_EQ(admit(device), Rejection::kNone);
  EXPECT_THAT(finish().error().message(), HasSubstr("2 of 2 participants answered step join"));
  EXPECT_EQ(helper_.asked, 0);
}

TEST_F(OneShotSession, EndsWithTheHelpersReasonAndNamesWhoIsToBlame) {
  for (std::size_t device = 0; device < 6; ++device) ASSERT_EQ(admit(device), Rejection::kNone);
  helper_.answer = [] {
    return proto::HelperReply(proto::HelperRefusal{.reason = "no such plan", .at_fault = {2, 9}});
  };
  const auto sum = finish();
  ASSERT_FALSE(sum.has_value());
  EXPECT_EQ(sum.error().code(), StatusCode::kAborted);
  EXPECT_THAT(sum.error().message(), HasSubstr("the helper refused: no such plan"));
  // The third of the identities in ascending order; a place that does not exist is nobody.
  std::vector<std::pair<crypto::Digest, std::uint16_t>> order;
  for (std::uint16_t i = 0; i < 6; ++i) {
    order.emplace_back(secagg::identity_of(devices_[i].public_key()), i);
  }
  std::sort(order.begin(), order.end());
  EXPECT_EQ(session_->dishonest(), std::vector<ParticipantIndex>{ParticipantIndex{order[2].second}});
}

TEST_F(OneShotSession, TellsAHelperThatStartedAnewFromOneThatRefuses) {
  using Kind = proto::HelperRefusal::Kind;
  for (const Kind kind : {Kind::kFinal, Kind::kNotYet, Kind::kBeforeStart}) {
    session_ = make();
    for (std::size_t i = 0; i < 4; ++i) ASSERT_EQ(admit(i), Rejection::kNone);
    helper_.answer = [kind] {
      return proto::HelperReply(proto::HelperRefusal{.reason = "its reason", .at_fault = {}, .kind = kind});
    };
    EXPECT_THAT(finish().error().message(), HasSubstr("the helper refused: its reason"));
    EXPECT_EQ(session_->helper_restarted(), kind == Kind::kBeforeStart);
  }
}

TEST_F(OneShotSession, EndsWhenTheHelperIsSilentOrAnswersNonsense) {
  const std::pair<std::function<Result<proto::HelperReply>()>, const char*> cases[] = {
      {[] { return unavailable("nobody listens"); }, "the helper did not answer: nobody listens"},
      {[] { return proto::HelperReply(proto::MaskSum{.ring = std::vector<std::uint8_t>(7)}); },
       "the helper's sum of masks has 7 bytes"},
      {[this] {
         return proto::HelperReply(
             proto::MaskSum{.ring = std::vector<std::uint8_t>(cohort_.layout().byte_count())});
       },
       "nothing was applied"},
  };
  for (const auto& [answer, message] : cases) {
    session_ = make();
    for (std::size_t device = 0; device < 6; ++device) ASSERT_EQ(admit(device), Rejection::kNone);
    helper_.answer = answer;
    const auto sum = finish();
    ASSERT_FALSE(sum.has_value()) << message;
    EXPECT_EQ(sum.error().code(), StatusCode::kAborted);
    EXPECT_THAT(sum.error().message(), HasSubstr(message));
  }
}

TEST_F(OneShotSession, IsMadeOfItsOwnPlanOnly) {
  crypto::SeededRandom random(1);
  const OneShotSetup setup{
      .authority = {}, .plan_credential = {}, .coordinator = coordinator_, .helper = helper_};
  std::vector<std::uint8_t> bytes = proto::encode_plan(plan_);
  EXPECT_THAT(make_cohort_session(plan_, bytes, random).error().message(), HasSubstr("needs a helper"));
  bytes.back() ^= 1;
  EXPECT_THAT(make_one_shot_session(plan_, bytes, setup, random).error().message(), HasSubstr("plan_bytes"));
  const proto::Plan plain = small_plan(9, 20);
  EXPECT_THAT(make_one_shot_session(plain, proto::encode_plan(plain), setup, random).error().message(),
              HasSubstr("aggregation = secure: must be one_shot"));
}

}  // namespace
}  // namespace sotto::aggregator
