#include "sotto/aggregator/one_shot_session.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "cohort.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"
#include "support/fresh_key.h"
#include "support/mask_parties.h"

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
      EXPECT_TRUE(secagg::open_sealed_mask(mask, context(), layout_, {key}, mask_key));
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

secagg::SessionContext context_of(const proto::Plan& plan) {
  return proto::session_context(plan, proto::encode_plan(plan));
}

proto::Plan one_shot_plan(std::uint16_t participants_max, proto::Packing packing, std::uint32_t features) {
  proto::Plan plan = small_plan(features, participants_max);
  plan.aggregation.kind = proto::Aggregation::kOneShot;
  plan.aggregation.packing = packing;
  plan.helper_digest.fill(1);
  return plan;
}

// One of two helpers, which may lie about what it is asked.
class OneOfTwoHelpers final : public HelperLink {
 public:
  OneOfTwoHelpers(const proto::Plan& plan, std::size_t place, std::uint8_t number)
      : plan_(plan), place_(place), name_("helper " + std::to_string(number)) {
    crypto::SecretBytes<32> scalar;
    scalar.reveal_mutable()[5] = number;
    key.emplace(scalar);
  }

  Result<proto::HelperReply> sum_masks(Bytes request) override {
    if (answer) return answer();
    secagg::HelperRequest decoded;
    EXPECT_EQ(secagg::decode_helper_request(request, decoded), Rejection::kNone);
    const secagg::SessionContext context = context_of(plan_);
    EXPECT_EQ(secagg::check_request(decoded,
                                    {.helper = place_ == 0 ? plan_.helper_digest : plan_.second_helper_digest,
                                     .plan = context.plan_digest,
                                     .set = secagg::mask_set_digest(context.plan_digest, decoded)}),
              Rejection::kNone);
    const secagg::RingLayout layout = proto::mask_layout(plan_);
    proto::MaskSum sum{.ring = std::vector<std::uint8_t>(secagg::checked_mask_bytes(layout.lane_count()))};
    crypto::Keystream stream(plan_.aggregation.prg);
    for (std::size_t i = 0; i < decoded.mask_count(); ++i) {
      secagg::MaskKey mask_key;
      EXPECT_TRUE(secagg::open_sealed_mask(decoded.mask(i), context, layout, {*key, place_}, mask_key));
      stream.rekey(mask_key);
      secagg::add_mask_words(sum.ring, stream);
    }
    if (lie) lie(sum.ring);
    return proto::HelperReply(std::move(sum));
  }
  [[nodiscard]] std::string name() const override { return name_; }

  std::optional<crypto::X25519PrivateKey> key;
  std::function<Result<proto::HelperReply>()> answer;
  std::function<void(std::vector<std::uint8_t>&)> lie;

 private:
  const proto::Plan& plan_;
  std::size_t place_;
  std::string name_;
};

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
         .helpers = {&helper_}},
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
    std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(1));
    secagg::OneShotSeals sealed;
    EXPECT_EQ(secagg::one_shot_mask(context, layout_, secagg::OneHelper{helper_.key.public_key()},
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
                          MutableBytes(message).first(secagg::one_shot_header_bytes(1)));
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
  for (const std::size_t position : {std::size_t{0}, std::size_t{90}, std::size_t{300},
                                     secagg::one_shot_header_bytes(1), sound.size() - 1}) {
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
       {std::size_t{0}, std::size_t{64}, secagg::one_shot_header_bytes(1), sound.size() - 2}) {
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
      .authority = {}, .plan_credential = {}, .coordinator = coordinator_, .helpers = {&helper_}};
  std::vector<std::uint8_t> bytes = proto::encode_plan(plan_);
  EXPECT_THAT(make_cohort_session(plan_, bytes, random).error().message(), HasSubstr("needs a helper"));
  bytes.back() ^= 1;
  EXPECT_THAT(make_one_shot_session(plan_, bytes, setup, random).error().message(), HasSubstr("plan_bytes"));
  const proto::Plan plain = small_plan(9, 20);
  EXPECT_THAT(make_one_shot_session(plain, proto::encode_plan(plain), setup, random).error().message(),
              HasSubstr("aggregation = secure: must be one_shot"));
}

// A cohort whose plan names two helpers, for rings of each kind.
class SessionOfTwoHelpers : public testing::TestWithParam<std::pair<std::uint16_t, proto::Packing>> {
 protected:
  static constexpr std::size_t kDevices = 5;

  SessionOfTwoHelpers()
      : plan_(one_shot_plan(GetParam().first, GetParam().second, 9)),
        layout_(proto::ring_layout(plan_)),
        cohort_(plan_, kDevices, 5),
        check_key_(secagg::kCheckKeyBytes, 6) {
    plan_.helper_digest = crypto::sha256({helpers_[0].key->public_key()});
    plan_.second_helper_digest = crypto::sha256({helpers_[1].key->public_key()});
    for (std::size_t i = 0; i < kDevices; ++i) devices_.emplace_back(crypto::fresh_key());
    session_ = make();
  }

  [[nodiscard]] OneShotSetup setup() {
    return {.authority = authority_.public_key(),
            .plan_credential = {.key = coordinator_.public_key(), .endorsement = {}, .signature = {}},
            .coordinator = coordinator_,
            .helpers = {&helpers_[0], &helpers_[1]},
            .check_key = check_key_};
  }
  [[nodiscard]] std::unique_ptr<CohortSession> make() {
    crypto::SeededRandom random(1);
    auto session = make_one_shot_session(plan_, proto::encode_plan(plan_), setup(), random);
    EXPECT_TRUE(session.has_value()) << session.error().message();
    return std::move(*session);
  }
  // A device's message; `false_tag` is added to its first tag.
  [[nodiscard]] std::vector<std::uint8_t> message(std::size_t device, std::uint64_t false_tag = 0) {
    const std::array<crypto::X25519PublicKey, 2> keys = {helpers_[0].key->public_key(),
                                                         helpers_[1].key->public_key()};
    secagg::CheckKey check_key;
    std::copy(check_key_.begin(), check_key_.end(), check_key.reveal_mutable().begin());
    const secagg::SessionContext context = context_of(plan_);
    const crypto::Digest own = secagg::identity_of(devices_[device].public_key());
    std::vector<std::uint8_t> ring = cohort_.ring_vector(device);
    secagg::OneShotSeals seals;
    EXPECT_EQ(secagg::one_shot_mask(context, layout_, {.keys = keys, .check_key = &check_key}, own, random_,
                                    ring, seals),
              Rejection::kNone);
    seals.tags[0] += false_tag;
    const MutableBytes vector = secagg::ring_pack(layout_, ring);
    std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(2));
    const secagg::Identity identity{
        .signer = devices_[device],
        .endorsement = secagg::endorse(authority_, secagg::Role::kDevice, devices_[device].public_key(), {}),
        .trust = authority_.public_key()};
    secagg::one_shot_sign(context.plan_digest, identity, seals, vector, random_, message);
    message.insert(message.end(), vector.begin(), vector.end());
    return message;
  }
  void admit(std::size_t device, std::uint64_t false_tag = 0) {
    ParticipantIndex index;
    EXPECT_EQ(session_->admit(message(device, false_tag), index), Rejection::kNone);
  }
  [[nodiscard]] Result<CohortSum> finish(std::size_t threads = 1) {
    const auto progress = session_->close_step();
    if (!progress) return progress.error();
    return session_->finish(*make_thread_pool(threads));
  }
  // What a cohort of all devices comes to.
  [[nodiscard]] std::string outcome() {
    session_ = make();
    for (std::size_t device = 0; device < kDevices; ++device) admit(device);
    const auto sum = finish();
    return sum ? "a sum" : sum.error().message();
  }
  void expect_noticed(std::size_t liar, const char* deed) {
    const std::string said = outcome();
    EXPECT_THAT(said, HasSubstr("the sum of masks from " + helpers_[liar].name() + " does not fit")) << deed;
    EXPECT_THAT(said, HasSubstr("nothing was applied"));
    EXPECT_TRUE(session_->dishonest().empty());
    EXPECT_FALSE(session_->helper_restarted());
  }
  static void add_to_word(std::vector<std::uint8_t>& words, std::size_t word, std::uint64_t by) {
    store_le(words.data() + 8 * word, load_le<std::uint64_t>(words.data() + 8 * word) + by);
  }

  proto::Plan plan_;
  secagg::RingLayout layout_;
  Cohort cohort_;
  std::vector<std::uint8_t> check_key_;
  std::array<OneOfTwoHelpers, 2> helpers_{OneOfTwoHelpers(plan_, 0, 1), OneOfTwoHelpers(plan_, 1, 2)};
  secagg::KeySigner authority_{crypto::fresh_key()};
  secagg::KeySigner coordinator_{crypto::fresh_key()};
  std::vector<secagg::KeySigner> devices_;
  crypto::SeededRandom random_{9};
  std::unique_ptr<CohortSession> session_;
};
class LyingHelper : public SessionOfTwoHelpers {};

// Bit for bit that of devices which send their vectors as they are.
TEST_P(SessionOfTwoHelpers, SumsExactlyWhatDevicesSent) {
  for (const std::size_t threads : {1, 2}) {
    session_ = make();
    for (const std::size_t device : {4, 0, 2, 1}) admit(device);
    const auto sum = finish(threads);
    ASSERT_TRUE(sum.has_value()) << sum.error().message();
    expect_equal(*sum, cohort_.expected([](std::size_t device) { return device != 3; }));
  }
}

TEST_P(LyingHelper, ThatAltersALaneOfTheSumIsNoticedAndNamed) {
  for (const std::size_t liar : {0, 1}) {
    const std::size_t lanes = layout_.lane_count();
    const std::uint64_t top_bit = std::uint64_t{1} << (layout_.bits() - 1);
    for (const std::size_t lane : {std::size_t{0}, std::size_t{21}, lanes - 1}) {
      for (const std::uint64_t by : {std::uint64_t{1}, ~std::uint64_t{0}, top_bit}) {
        helpers_[liar].lie = [=](auto& sum) { add_to_word(sum, lane, by); };
        expect_noticed(liar, "one lane");
      }
    }
    helpers_[liar].lie = [](auto& sum) { std::swap_ranges(sum.begin(), sum.begin() + 8, sum.begin() + 8); };
    expect_noticed(liar, "two lanes swapped");
    helpers_[liar].lie = [=](auto& sum) { add_to_word(sum, lanes, 1); };
    expect_noticed(liar, "K");
    helpers_[liar].lie = [](auto& sum) { std::fill(sum.begin(), sum.end(), std::uint8_t{0}); };
    expect_noticed(liar, "zeros");
    helpers_[liar].lie = {};
    EXPECT_EQ(outcome(), "a sum");
  }
}

TEST_P(LyingHelper, ThatGivesOutAnEarlierSumIsNoticedAndNamed) {
  std::vector<std::uint8_t> earlier;
  helpers_[1].lie = [&](auto& sum) { earlier = sum; };
  EXPECT_EQ(outcome(), "a sum");
  helpers_[1].lie = [&](auto& sum) { sum = earlier; };
  expect_noticed(1, "the sum of messages before");
}

TEST_P(LyingHelper, ThatLiesTogetherWithTheOtherIsNoticedAsIt) {
  for (OneOfTwoHelpers& helper : helpers_) {
    helper.lie = [](auto& sum) { add_to_word(sum, 3, 1); };
  }
  EXPECT_THAT(outcome(), HasSubstr("the sum of masks from helper 1 and helper 2 does not fit"));
  helpers_[1].lie = [](auto& sum) { add_to_word(sum, 3, ~std::uint64_t{0}); };  // the errors cancel
  EXPECT_THAT(outcome(), HasSubstr("the sum of masks from helper 1 and helper 2 does not fit"));
}

// Who cannot be told from a helper that lies: the round is lost, and the reason says both.
TEST_P(SessionOfTwoHelpers, AFalseTagOfADeviceCostsTheRound) {
  for (const std::size_t device : {0, 1, 2}) admit(device);
  admit(3, 1);
  EXPECT_THAT(finish().error().message(),
              HasSubstr("from helper 1 does not fit the devices' tags: it was altered there, or a device has "
                        "sent a false tag"));
}

TEST_P(SessionOfTwoHelpers, OneThatRefusesOrIsSilentIsNamedWithItsReason) {
  using Kind = proto::HelperRefusal::Kind;
  helpers_[0].answer = [] { return unavailable("nobody listens"); };
  EXPECT_EQ(outcome(), "helper 1 did not answer: nobody listens");
  helpers_[1].answer = [] {
    return proto::HelperReply(
        proto::HelperRefusal{.reason = "its reason", .at_fault = {}, .kind = Kind::kBeforeStart});
  };
  EXPECT_EQ(outcome(), "helper 1 did not answer: nobody listens; helper 2 refused: its reason");
  EXPECT_TRUE(session_->helper_restarted());
  for (OneOfTwoHelpers& helper : helpers_) {
    helper.answer = [] {
      return proto::HelperReply(proto::HelperRefusal{.reason = "bad seeds", .at_fault = {2}});
    };
  }
  EXPECT_EQ(outcome(), "helper 1 refused: bad seeds; helper 2 refused: bad seeds");
  EXPECT_EQ(session_->dishonest().size(), 1u) << "named once";
  helpers_[0].answer = {};
  helpers_[1].answer = [this] {
    return proto::HelperReply(proto::MaskSum{.ring = std::vector<std::uint8_t>(layout_.byte_count())});
  };
  EXPECT_THAT(outcome(), HasSubstr("helper 2's sum of masks has"));
}

TEST_P(SessionOfTwoHelpers, ADevicesMessageForOneHelperHasAnotherLength) {
  std::vector<std::uint8_t> shorter = message(0);
  shorter.erase(shorter.begin(), shorter.begin() + 96);  // a seed and the tags
  ParticipantIndex index;
  EXPECT_EQ(session_->admit(shorter, index), Rejection::kWrongLength);
}

TEST_P(SessionOfTwoHelpers, IsMadeWithBothHelpersAndTheCheckKeyOnly) {
  crypto::SeededRandom random(1);
  const auto reason = [&](const OneShotSetup& setup) {
    return make_one_shot_session(plan_, proto::encode_plan(plan_), setup, random).error().message();
  };
  OneShotSetup one = setup();
  one.helpers = {&helpers_[0]};
  EXPECT_THAT(reason(one), HasSubstr("the plan names 2 mask helpers, this coordinator has 1"));
  OneShotSetup keyless = setup();
  keyless.check_key.clear();
  EXPECT_THAT(reason(keyless), HasSubstr("check key"));
}

const auto kRings = testing::Values(std::pair(std::uint16_t{20}, proto::Packing::kWords),
                                    std::pair(std::uint16_t{20}, proto::Packing::kBits),
                                    std::pair(std::uint16_t{300}, proto::Packing::kWords),
                                    std::pair(std::uint16_t{10'000}, proto::Packing::kBits));
INSTANTIATE_TEST_SUITE_P(Rings, SessionOfTwoHelpers, kRings);
INSTANTIATE_TEST_SUITE_P(Rings, LyingHelper, kRings);

}  // namespace
}  // namespace sotto::aggregator
