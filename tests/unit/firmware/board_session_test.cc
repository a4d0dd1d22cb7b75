// A board's session against gateways and coordinators that lie: whatever comes over the line, no vector
// leaves that should not, and the session ends.
#include "app/board_session.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "scripted_line.h"
#include "sotto/proto/plan_codec.h"
#include "support/bulletins.h"
#include "support/enrolment.h"
#include "support/nor_flash.h"
#include "support/small_cohorts.h"

namespace sotto::board {
namespace {

using support::NorFlash;
namespace link = proto::link;
using End = BoardSession::End;
using proto::Step;

constexpr FlashGeometry kGeometry{.pages = 4, .page_bytes = 16384, .word_bytes = 8};
constexpr std::uint32_t kParameters = 6;

// Learns nothing, and counts how often it is asked to.
class IdleLearner final : public Learner {
 public:
  [[nodiscard]] std::string_view model_name() const override { return "head-01234567"; }
  [[nodiscard]] std::uint32_t parameter_count() const override { return kParameters; }
  [[nodiscard]] bool agrees(const proto::Plan& plan) const override { return plan.training.batch_size <= 16; }
  [[nodiscard]] bool learn(const proto::Plan&, std::span<float> parameters, Random&,
                           secagg::UpdateMetrics& metrics) override {
    ++learned;
    std::fill(parameters.begin(), parameters.end(), 0.0f);
    metrics = {.weight = 1, .examples = 1};
    return works;
  }
  int learned = 0;
  bool works = true;
};

std::vector<std::uint8_t> bytes_of(const link::Answer& answer) {
  std::vector<std::uint8_t> bytes(link::encoded_bytes(answer));
  ByteWriter out(bytes);
  EXPECT_TRUE(link::encode(answer, out));
  return bytes;
}

// A coordinator and a gateway, honest but for what a test changes, up to the roster: there they know nobody.
struct World {
  World() {
    plan.task = TaskId{5};
    plan.round = RoundId{1};
    plan.model.architecture = proto::Architecture::kCustom;
    plan.model.parameters = kParameters;
    static_cast<void>(plan.model.name.assign(std::string_view("head-01234567")));
    plan.training.batch_size = 16;
    plan.report_within_ms = 60000;
    plan.model_digest = crypto::sha256({model});
    allow_small_cohorts(plan.aggregation);
  }

  std::vector<std::uint8_t> offer() {
    plan_bytes = proto::encode_plan(plan);
    secagg::encode_credential(
        secagg::make_credential(signer->signer, signer->endorsement, secagg::plan_statement(plan_bytes)),
        credential);
    link::Offer answer{.credential = credential, .plan = plan_bytes, .bulletin = bulletin};
    if (!is_signed) answer.credential = {};
    return bytes_of(answer);
  }

  std::vector<std::uint8_t> operator()(const link::Call& call) {
    ++calls;
    if (const auto* exchange = std::get_if<link::Exchange>(&call)) {
      steps.push_back(exchange->step);
      return on_exchange(*exchange);
    }
    if (const auto* check_in = std::get_if<link::CheckIn>(&call)) {
      edition = check_in->bulletin_edition;
      return on_check_in();
    }
    if (std::get_if<link::FetchModel>(&call) != nullptr) return bytes_of(chunk());
    reasons += std::string(std::get<link::Abandon>(call).reason) + "\n";
    return bytes_of(link::Left{});
  }

  [[nodiscard]] link::Chunk chunk() const { return {.total_bytes = model.size(), .bytes = model}; }

  // The session of a board that starts now, with what its flash holds.
  End run() {
    auto line =
        std::make_unique<ScriptedLine>(flash, [this](const link::Call& call) { return (*this)(call); });
    Journal journal(flash, 0, 4);
    EXPECT_NE(journal.open(), Journal::Result::kFlash);
    BoardLedger ledger(journal, 1);
    EXPECT_TRUE(ledger.load());
    BulletinKeeper bulletins(journal, 2, device.identity.trust.authority);
    EXPECT_TRUE(bulletins.load());
    secagg::Identity identity = device.identity;
    identity.trust = bulletins.trust();
    crypto::SystemRandom random;
    SystemDraws draws(random);
    line->losses = losses;
    const BoardSession::Parts parts{.port = *line,
                                    .ledger = ledger,
                                    .learner = learner,
                                    .identity = identity,
                                    .bulletins = bulletins,
                                    .keys = random,
                                    .draws = draws};
    const auto session = std::make_unique<BoardSession>(parts,
                                                        BoardSessionOptions{.device_id = "board-1",
                                                                            .population = "wearables",
                                                                            .cohort_min = 3,
                                                                            .honest_min = 2,
                                                                            .corrupt_fraction_min = 0},
                                                        1);
    const End end = session->run();
    vectors = ledger.vectors();
    edition_kept = bulletins.trust().edition;
    said = line->said();
    return end;
  }

  // What every lie must come to.
  void expect_nothing_has_left() const {
    EXPECT_EQ(vectors, 0u);
    for (const Step step : steps) EXPECT_LT(step, Step::kCollect);
  }

  NorFlash flash{kGeometry};
  secagg::Enrolment device{7};
  const secagg::Identity* signer = &secagg::enrolled_coordinator();
  IdleLearner learner;
  proto::Plan plan;
  std::vector<std::uint8_t> plan_bytes, model = std::vector<std::uint8_t>(4 * kParameters, 0), bulletin;
  std::array<std::uint8_t, secagg::kCredentialBytes> credential{};
  bool is_signed = true;
  int losses = 0;
  std::function<std::vector<std::uint8_t>()> on_check_in = [this] { return offer(); };
  std::function<std::vector<std::uint8_t>(const link::Exchange&)> on_exchange = [](const link::Exchange&) {
    return bytes_of(link::RefusedAnswer{.reason = Rejection::kMalformed});
  };
  int calls = 0;
  std::uint32_t edition = 0;       // as the board said at its check-in
  std::uint32_t edition_kept = 0;  // as it knows after its session
  std::vector<Step> steps;
  std::uint64_t vectors = 0;
  std::string reasons, said;
};

TEST(BoardSession, JoinsARoundOfItsAuthoritysCoordinator) {
  World world;
  EXPECT_EQ(world.run(), End::kUncounted) << world.said << "the coordinator refuses the join";
  EXPECT_EQ(world.steps, std::vector{Step::kJoin});
  EXPECT_EQ(world.learner.learned, 1);
  world.expect_nothing_has_left();
}

TEST(BoardSession, LeavesAPlanThatIsNotByItsAuthoritysCoordinator) {
  const auto refuses = [](const char* what, const std::function<void(World&)>& change) {
    World world;
    change(world);
    EXPECT_EQ(world.run(), End::kDeclined) << what;
    EXPECT_TRUE(world.steps.empty()) << what;
    EXPECT_EQ(world.learner.learned, 0) << what;
    EXPECT_NE(world.reasons, "") << what;
  };
  refuses("no signature", [](World& world) { world.is_signed = false; });
  static const secagg::Enrolment of_a_device(9);
  refuses("a device's signature", [](World& world) { world.signer = &of_a_device.identity; });
  static secagg::KeySigner stranger(secagg::numbered_key(77));
  static secagg::KeySigner coordinator(secagg::numbered_key(78));
  static const secagg::Identity foreign{
      .signer = coordinator,
      .endorsement = secagg::endorse(stranger, secagg::Role::kCoordinator, coordinator.public_key(), {}),
      .trust = stranger.public_key()};
  refuses("another authority's", [](World& world) { world.signer = &foreign; });
  refuses("a bulletin that is none", [](World& world) { world.bulletin.assign(16, 1); });
  refuses("a plan that was changed after it was signed", [](World& world) {
    world.on_check_in = [&world] {
      world.offer();
      ++world.plan_bytes.back();
      return bytes_of(link::Offer{.credential = world.credential, .plan = world.plan_bytes});
    };
  });
}

crypto::Digest digest_of(std::uint32_t number) {
  std::array<std::uint8_t, 4> bytes;
  store_le(bytes.data(), number);
  return crypto::sha256({bytes});
}

TEST(BoardSession, TakesABulletinAndSaysSoAtTheNextCheckIn) {
  World world;
  std::vector<std::uint32_t> editions;
  world.on_check_in = [&] {
    editions.push_back(world.edition);
    return world.offer();
  };
  world.bulletin =
      secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 5, .revoked = {digest_of(1)}});
  EXPECT_EQ(world.run(), End::kUncounted) << world.reasons;
  EXPECT_EQ(world.steps, std::vector{Step::kJoin}) << "the round goes on";
  world.plan.round = RoundId{2};
  EXPECT_EQ(world.run(), End::kUncounted) << "the same again is no harm";
  EXPECT_EQ(editions, (std::vector<std::uint32_t>{0, 5})) << "kept over the restart";
  world.plan.round = RoundId{3};
  world.bulletin = secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 4});
  EXPECT_EQ(world.run(), End::kDeclined) << "somebody has set it back";
  EXPECT_NE(world.reasons.find("not the newest"), std::string::npos);
}

TEST(BoardSession, TakesABulletinThatIsLargerThanItsRoom) {
  World world;
  secagg::BulletinDraft draft;
  for (std::uint32_t i = 0; i < 400; ++i) draft.revoked.push_back(digest_of(i));
  world.bulletin = secagg::signed_bulletin(secagg::fleet_authority(), draft);
  ASSERT_GT(world.bulletin.size(), 2 * 5120u);
  EXPECT_EQ(world.run(), End::kUncounted) << world.reasons;
  // One more than its flash has room for: it leaves, and believes the one before.
  world.plan.round = RoundId{2};
  draft.edition = 2;
  for (std::uint32_t i = 400; i < 1200; ++i) draft.revoked.push_back(digest_of(i));
  world.bulletin = secagg::signed_bulletin(secagg::fleet_authority(), draft);
  EXPECT_EQ(world.run(), End::kDeclined);
  EXPECT_NE(world.reasons.find("larger than this board has room for"), std::string::npos);
  EXPECT_EQ(world.edition_kept, 1u);
}

TEST(BoardSession, LeavesWhoeverIsRevokedAndLeavesWhenItIsItself) {
  const auto declines = [](secagg::BulletinDraft draft, const char* why) {
    World world;
    world.bulletin = secagg::signed_bulletin(secagg::fleet_authority(), std::move(draft));
    EXPECT_EQ(world.run(), End::kDeclined) << why;
    EXPECT_NE(world.reasons.find(why), std::string::npos) << world.reasons;
    EXPECT_TRUE(world.steps.empty());
    EXPECT_EQ(world.learner.learned, 0);
    // And when nobody shows the bulletin any more.
    world.bulletin.clear();
    EXPECT_EQ(world.run(), End::kDeclined);
  };
  const crypto::Digest coordinator = secagg::identity_of(secagg::enrolled_coordinator().signer.public_key());
  const crypto::Digest own = secagg::identity_of(secagg::Enrolment(7).signer.public_key());
  declines({.revoked = {digest_of(1), coordinator, digest_of(2)}}, "not by a coordinator");
  declines({.revoked = {digest_of(1), own, digest_of(2)}}, "revoked this board");
  declines({.endorsements_from = 1}, "revoked this board");
}

TEST(BoardSession, FollowsItsAuthorityToANewKey) {
  static secagg::KeySigner newer(secagg::numbered_key(500));
  static secagg::KeySigner coordinator(secagg::numbered_key(501));
  static const secagg::Identity by_newer{
      .signer = coordinator,
      .endorsement =
          secagg::endorse(newer, secagg::Role::kCoordinator, coordinator.public_key(), {.epoch = 3}),
      .trust = newer.public_key()};
  World world;
  world.signer = &by_newer;
  EXPECT_EQ(world.run(), End::kDeclined) << "nobody has told it of that key";
  world.bulletin =
      secagg::signed_bulletin(newer, {.rotations = {secagg::rotate(secagg::fleet_authority(), newer, 3)}});
  EXPECT_EQ(world.run(), End::kUncounted) << world.reasons;
  world.bulletin.clear();
  world.plan.round = RoundId{2};
  EXPECT_EQ(world.run(), End::kUncounted) << "it remembers";
}

TEST(BoardSession, LeavesAPlanThatPromisesLessThanItsOwnerAsksFor) {
  const auto refuses = [](const char* what, const std::function<void(proto::Plan&)>& change) {
    World world;
    change(world.plan);
    EXPECT_EQ(world.run(), End::kDeclined) << what;
    EXPECT_TRUE(world.steps.empty()) << what;
    EXPECT_EQ(world.learner.learned, 0) << what;
  };
  refuses("no masks", [](proto::Plan& plan) { plan.aggregation.kind = proto::Aggregation::kPlain; });
  refuses("floats", [](proto::Plan& plan) { plan.aggregation.kind = proto::Aggregation::kFloat; });
  refuses("curious", [](proto::Plan& plan) { plan.aggregation.adversary = proto::Adversary::kCurious; });
  refuses("a pair", [](proto::Plan& plan) { plan.aggregation.cohort_min = 2; });
  refuses("one honest", [](proto::Plan& plan) { plan.aggregation.honest_min = 1; });
  refuses("a large cohort", [](proto::Plan& plan) { plan.aggregation.participants_max = 258; });
  refuses("other layers", [](proto::Plan& plan) {
    static_cast<void>(plan.model.name.assign(std::string_view("head-01234568")));
  });
  refuses("more parameters", [](proto::Plan& plan) { ++plan.model.parameters; });
  refuses("a built-in model", [](proto::Plan& plan) {
    plan.model.architecture = proto::Architecture::kSoftmax;
    plan.model.parameters = 0;
    plan.model.features = 2;
    plan.model.classes = 2;
    plan.model.name = {};
  });
  refuses("large batches", [](proto::Plan& plan) { plan.training.batch_size = 17; });
}

TEST(BoardSession, LearnsFromNoModelButThePlans) {
  const auto refuses = [](const char* what, const std::function<void(World&)>& change) {
    World world;
    change(world);
    EXPECT_EQ(world.run(), End::kDeclined) << what;
    EXPECT_EQ(world.learner.learned, 0) << what;
    EXPECT_TRUE(world.steps.empty()) << what;
  };
  refuses("another", [](World& world) { world.model[3] = 1; });
  refuses("a shorter one", [](World& world) { world.model.pop_back(); });
  refuses("a longer one", [](World& world) { world.model.push_back(0); });
  refuses("none", [](World& world) { world.model.clear(); });
}

TEST(BoardSession, SendsNothingWhenLearningFails) {
  World world;
  world.learner.works = false;
  EXPECT_EQ(world.run(), End::kDeclined);
  EXPECT_TRUE(world.steps.empty());
}

TEST(BoardSession, TakesEachRoundOnceOverRestarts) {
  World world;
  world.plan.round = RoundId{9};
  EXPECT_EQ(world.run(), End::kUncounted);
  world.plan.round = RoundId{8};
  EXPECT_EQ(world.run(), End::kDeclined);
  EXPECT_NE(world.reasons.find("the ledger refuses the plan"), std::string::npos);
  world.plan.round = RoundId{9};
  world.plan.training.local_epochs = 2;  // another plan under the same number
  EXPECT_EQ(world.run(), End::kDeclined);
  EXPECT_EQ(world.steps, std::vector{Step::kJoin}) << "of the first session only";
}

TEST(BoardSession, GivesUpOnChallengesWithoutEnd) {
  World world;
  const std::vector<std::uint8_t> zeros(32, 0);
  world.on_check_in = [&] {
    return bytes_of(link::ChallengeAnswer{.task = TaskId{5}, .coordinator = zeros, .challenge = zeros});
  };
  EXPECT_EQ(world.run(), End::kFailed);
  EXPECT_EQ(world.calls, 4);
}

TEST(BoardSession, AGatewayThatSpeaksNonsenseGetsNothing) {
  for (const std::vector<std::uint8_t>& nonsense :
       {std::vector<std::uint8_t>{0}, std::vector<std::uint8_t>(7, 0xff), bytes_of(link::Left{}),
        std::vector<std::uint8_t>(6000, 1), bytes_of(link::Next{.next = Step::kCollect})}) {
    World at_check_in;
    at_check_in.on_check_in = [&] { return nonsense; };
    EXPECT_EQ(at_check_in.run(), End::kFailed);
    EXPECT_EQ(at_check_in.learner.learned, 0);
    World in_the_round;
    in_the_round.on_exchange = [&](const link::Exchange&) { return nonsense; };
    EXPECT_NE(in_the_round.run(), End::kCounted);
    EXPECT_EQ(in_the_round.steps, std::vector{Step::kJoin});
    in_the_round.expect_nothing_has_left();
  }
}

TEST(BoardSession, NoStepIsSkippedAndNoRosterOfNobodyIsTaken) {
  for (const Step asked : {Step::kJoin, Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
    for (const std::size_t bytes : {0u, 1u, 600u, 5000u, 20000u}) {
      World world;
      const std::vector<std::uint8_t> payload(bytes, 0x5a);
      world.on_exchange = [&](const link::Exchange&) {
        return bytes_of(link::Next{.next = asked, .payload = payload});
      };
      EXPECT_EQ(world.run(), End::kDeclined) << static_cast<int>(asked) << ", " << bytes;
      EXPECT_EQ(world.steps, std::vector{Step::kJoin});
      world.expect_nothing_has_left();
    }
  }
}

TEST(BoardSession, AsksAgainForARosterThatItsGatewayHasForgottenAndNotForEver) {
  // No roster at all, which shows once it is read.
  const auto joins_of = [](int losses) {
    World world;
    world.losses = losses;
    const std::vector<std::uint8_t> payload(600, 0x5a);
    world.on_exchange = [&](const link::Exchange&) {
      return bytes_of(link::Next{.next = Step::kShare, .payload = payload});
    };
    EXPECT_EQ(world.run(), End::kDeclined);
    world.expect_nothing_has_left();
    for (const Step step : world.steps) EXPECT_EQ(step, Step::kJoin);
    return world.steps.size();
  };
  EXPECT_EQ(joins_of(0), 1u);
  EXPECT_EQ(joins_of(1), 2u);
  EXPECT_EQ(joins_of(3), 4u);
  EXPECT_EQ(joins_of(1000), 4u);
}

TEST(BoardSession, AnEndIsAnEndAndAWaitIsWaited) {
  World world;
  int waits = 0;
  world.on_exchange = [&](const link::Exchange& exchange) {
    EXPECT_EQ(exchange.poll, waits > 0);
    if (++waits < 4) {
      return bytes_of(link::Wait{.window = {.delay_min_ms = 10, .delay_max_ms = 20, .reason = "others"}});
    }
    return bytes_of(link::End{.counted = false, .outcome = "abandoned"});
  };
  EXPECT_EQ(world.run(), End::kUncounted);
  EXPECT_EQ(waits, 4);
  world.expect_nothing_has_left();
}

TEST(BoardSession, NoByteOfAnOfferCanBeChanged) {
  World pattern;
  const std::size_t size = pattern.offer().size();
  for (std::size_t at = 0; at < size; ++at) {
    World world;
    world.on_check_in = [&] {
      auto bytes = world.offer();
      bytes[at] ^= 1;
      return bytes;
    };
    const End end = world.run();
    // The token is the coordinator's own matter: with another one it knows nobody.
    EXPECT_TRUE(end == End::kFailed || end == End::kDeclined || end == End::kUncounted) << at;
    EXPECT_TRUE(end != End::kUncounted || at < 1 + sizeof(SessionToken)) << at;
    world.expect_nothing_has_left();
  }
}

}  // namespace
}  // namespace sotto::board
