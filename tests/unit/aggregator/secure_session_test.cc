// Real participants against the aggregator's secure session.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "cohort.h"
#include "neighbourhood.h"
#include "sotto/crypto/primitives.h"
#include "support/enrolment.h"

namespace sotto::aggregator {
namespace {

using proto::Step;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Serves 30 % of drop-outs at any size.
proto::Plan hardy_plan(std::uint16_t participants_max) {
  proto::Plan plan = plan_for(participants_max);
  plan.aggregation.adversary = proto::Adversary::kCurious;
  plan.aggregation.dropout_fraction = 0.35f;
  return plan;
}

TEST(SecureSession, HasAnIdOfItsOwn) {
  std::set<secagg::SessionId> ids;
  for (const std::uint64_t seed : {1, 2, 3}) {
    Cohort cohort(plan_for(20), 3, seed);
    Play play;
    play.received = [&](Step step, std::size_t, Bytes message) {
      secagg::Roster roster;
      if (step == Step::kShare && accepted(secagg::decode_roster(message, roster)))
        ids.insert(roster.session_id);
    };
    EXPECT_TRUE(cohort.play(play).status.ok());
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST(SecureSession, SumsExactlyAtEverySmallSize) {
  for (std::size_t devices = 3; devices <= 20; ++devices) {
    SCOPED_TRACE(devices);
    Cohort cohort(plan_for(20), devices, devices);
    expect_exact(cohort, {});
  }
}

TEST(SecureSession, SumsExactlyOnASparseGraph) {
  Cohort cohort(plan_for(80), 80, 1);
  expect_exact(cohort, {});
}

TEST(SecureSession, SumsExactlyWhenVectorsTravelAsBits) {
  for (const int participants_max : {10, 257, 300}) {
    proto::Plan plan = plan_for(static_cast<std::uint16_t>(participants_max));
    plan.aggregation.packing = proto::Packing::kBits;
    Cohort cohort(plan, 10, 2);
    expect_exact(cohort, {.leaves = leaving(10, 10, Leaves::kAfterShares)});
  }
}

TEST(SecureSession, SumsExactlyInAWordPackedRingAndWithTheOtherKeystream) {
  proto::Plan plan = plan_for(300);
  plan.aggregation.prg = crypto::Prg::kAes128Ctr;
  Cohort cohort(plan, 10, 2);
  expect_exact(cohort, {.leaves = leaving(10, 10, Leaves::kAfterShares)});
}

TEST(SecureSession, SumsExactlyWhoeverLeavesAfterAnyStep) {
  struct Size {
    std::size_t devices;
    std::size_t every;
  };
  for (const auto& [devices, every] : {Size{20, 10}, Size{20, 3}, Size{80, 3}}) {
    for (const Leaves when :
         {Leaves::kBeforeKeys, Leaves::kAfterKeys, Leaves::kAfterShares, Leaves::kAfterVector}) {
      SCOPED_TRACE(testing::Message()
                   << devices << " devices, one in " << every << " leaves at " << static_cast<int>(when));
      Cohort cohort(hardy_plan(80), devices, devices + every);
      expect_exact(cohort, {.leaves = leaving(devices, every, when)});
    }
  }
}

TEST(SecureSession, SumsSignedSessionsExactlyWhoeverLeavesAfterAnyStep) {
  for (const Leaves when : {Leaves::kBeforeKeys, Leaves::kAfterKeys, Leaves::kAfterShares,
                            Leaves::kAfterVector, Leaves::kAfterConfirming}) {
    SCOPED_TRACE(testing::Message() << "one in 10 leaves at " << static_cast<int>(when));
    Cohort cohort(plan_for(80), 20, 20);
    expect_exact(cohort, {.leaves = leaving(20, 10, when)});
  }
}

TEST(SecureSession, SumsSignedSessionsExactlyWhenDevicesLeaveAtAllSteps) {
  for (const std::size_t devices : {20, 80}) {
    SCOPED_TRACE(devices);
    Cohort cohort(plan_for(80), devices, 3);
    Play play{.leaves = std::vector<Leaves>(devices, Leaves::kNever)};
    for (std::size_t i = 0; i < 5; ++i) play.leaves[i * devices / 5] = static_cast<Leaves>(i);
    expect_exact(cohort, play);
  }
}

TEST(SecureSession, SumsExactlyWhenDevicesLeaveAtAllSteps) {
  for (const std::size_t devices : {20, 80}) {
    SCOPED_TRACE(devices);
    Cohort cohort(hardy_plan(80), devices, 3);
    Play play{.leaves = std::vector<Leaves>(devices, Leaves::kNever)};
    for (std::size_t i = 0; i < devices; ++i) {
      if (i % 12 < 4) play.leaves[i] = static_cast<Leaves>(i % 12);
    }
    expect_exact(cohort, play);
  }
}

TEST(SecureSession, GivesEqualBitsForEveryOrderOfArrivalAndThreadCount) {
  const proto::Plan plan = [] {
    proto::Plan larger = small_plan(6000, 30);
    larger.aggregation.dropout_fraction = 0.2f;
    return larger;
  }();
  Cohort cohort(plan, 16, 4);
  Play play{.leaves = leaving(16, 6, Leaves::kAfterShares)};
  const Outcome first = cohort.play(play);
  ASSERT_TRUE(first.status.ok()) << first.status.message();
  expect_equal(first.sum, cohort.expected(play));
  play.arrival.resize(16);
  std::iota(play.arrival.rbegin(), play.arrival.rend(), std::size_t{0});
  for (const std::size_t threads : {1, 2}) {
    play.threads = threads;
    const Outcome again = cohort.play(play);
    ASSERT_TRUE(again.status.ok());
    expect_equal(again.sum, first.sum);
    std::rotate(play.arrival.begin(), play.arrival.begin() + 5, play.arrival.end());
  }
}

TEST(SecureSession, GivesWhatThePlainSessionGives) {
  proto::Plan plan = plan_for(20);
  Cohort secure(plan, 9, 5);
  plan.aggregation.kind = proto::Aggregation::kPlain;
  Cohort plain(plan, 9, 5);
  const Outcome masked = secure.play({});
  const Outcome bare = plain.play({});
  ASSERT_TRUE(masked.status.ok() && bare.status.ok());
  expect_equal(masked.sum, bare.sum);
}

TEST(SecureSession, MergesCohortsIntoTheSumOfAll) {
  Cohort cohort(plan_for(20), 20, 6);
  Play first{.leaves = std::vector<Leaves>(20, Leaves::kNever)};
  Play second = first;
  for (std::size_t i = 0; i < 20; ++i) (i < 8 ? second : first).leaves[i] = Leaves::kBeforeKeys;
  CohortSum merged = cohort.play(second).sum;
  merged.merge(cohort.play(first).sum);
  EXPECT_EQ(merged.devices, 20u);
  expect_equal(merged, cohort.expected(Play{}));
}

// What devices of a session received, and the graph they derived.
struct Heard {
  std::map<Step, std::map<std::size_t, std::vector<std::uint8_t>>> messages;
  Neighbourhood graph;

  void listen(Play& play) {
    play.received = [this](Step step, std::size_t device, Bytes received) {
      messages[step][device].assign(received.begin(), received.end());
    };
  }
  void derive_graph() {
    secagg::Roster roster;
    ASSERT_EQ(secagg::decode_roster(messages[Step::kShare].begin()->second, roster), Rejection::kNone);
    graph = Neighbourhood(roster.graph, secagg::graph_seed(roster, secagg::roster_root(roster)));
  }
};

std::vector<std::uint8_t> survivors_of(const Play& play) {
  std::vector<std::uint8_t> bitmap(secagg::confirm_request_bytes(play.leaves.size()));
  for (std::size_t i = 0; i < play.leaves.size(); ++i) {
    if (play.leaves[i] >= Leaves::kAfterVector) secagg::bitmap_set(bitmap, i);
  }
  return bitmap;
}

TEST(SecureSession, NamesTheSameSurvivorsToEverybody) {
  for (const bool is_signed : {false, true}) {
    Cohort cohort(is_signed ? plan_for(80) : hardy_plan(80), 80, 7);
    Play play{.leaves = leaving(80, 10, Leaves::kAfterShares)};
    Heard heard;
    heard.listen(play);
    ASSERT_TRUE(cohort.play(play).status.ok());
    const auto& requests = heard.messages[is_signed ? Step::kConfirm : Step::kUnmask];
    EXPECT_EQ(requests.size(), 72u);
    for (const auto& [device, request] : requests) EXPECT_EQ(request, survivors_of(play)) << device;
  }
}

TEST(SecureSession, SendsAsManySignaturesAsADeviceNeeds) {
  Cohort cohort(plan_for(80), 80, 7);
  Play play{.leaves = leaving(80, 10, Leaves::kAfterVector)};
  Heard heard;
  heard.listen(play);
  ASSERT_TRUE(cohort.play(play).status.ok());
  heard.derive_graph();
  const secagg::GraphParameters& graph = heard.graph.parameters();
  ASSERT_LT(graph.neighbours, 79);
  const auto& requests = heard.messages[Step::kUnmask];
  EXPECT_EQ(requests.size(), 72u);
  for (const auto& [device, request] : requests) {
    ASSERT_EQ(request.size(), secagg::unmask_request_bytes(graph.neighbours, graph.threshold));
    for (std::size_t rank = 0; rank < graph.neighbours; ++rank) {
      if (!secagg::bitmap_test(request, rank)) continue;
      EXPECT_EQ(play.leaves[heard.graph.of(device)[rank]], Leaves::kNever);
    }
  }
}

// ---- who cannot go on ----

TEST(SecureSession, LeavesOutWhoKeepsTooFewNeighboursBeforeAnybodyMasksWithIt) {
  constexpr std::size_t kDevices = 100;
  proto::Plan plan = plan_for(kDevices);
  plan.aggregation.adversary = proto::Adversary::kCurious;
  Cohort cohort(plan, kDevices, 8);
  std::vector<std::uint8_t> bytes;
  Play play;
  play.received = [&](Step step, std::size_t, Bytes received) {
    if (step == Step::kShare) bytes.assign(received.begin(), received.end());
  };
  ASSERT_TRUE(cohort.play(play).status.ok());
  secagg::Roster roster;
  ASSERT_EQ(secagg::decode_roster(bytes, roster), Rejection::kNone);
  const Neighbourhood graph(roster.graph, secagg::graph_seed(roster, secagg::roster_root(roster)));
  // Keys and session id repeat with the seeds, hence so does the graph: take device 0's neighbours away.
  constexpr std::size_t kLonely = 0;
  play.leaves.assign(kDevices, Leaves::kNever);
  for (std::size_t rank = roster.graph.threshold - 1u; rank < roster.graph.neighbours; ++rank) {
    play.leaves[graph.of(kLonely)[rank]] = Leaves::kAfterKeys;
  }
  std::vector<bool> alive(kDevices);
  for (std::size_t i = 0; i < kDevices; ++i) alive[i] = play.leaves[i] == Leaves::kNever;
  for (std::size_t pass = 0; pass < kDevices; ++pass) {
    for (std::size_t i = 0; i < kDevices; ++i) {
      alive[i] = alive[i] && graph.count(i, alive) >= roster.graph.threshold;
    }
  }
  ASSERT_FALSE(alive[kLonely]);
  const Outcome outcome = cohort.play(play);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_THAT(outcome.refusals, IsEmpty());
  expect_equal(outcome.sum, cohort.expected([&](std::size_t device) { return alive[device]; }));
}

TEST(SecureSession, IsAbandonedBelowTheMinimumWithTheReason) {
  proto::Plan plan = hardy_plan(20);
  plan.aggregation.cohort_min = 8;
  Cohort cohort(plan, 10, 9);
  struct Case {
    Leaves when;
    const char* reason;
  };
  for (const Case& c :
       {Case{Leaves::kBeforeKeys, "5 of 5 participants answered step join, at least 8 are needed"},
        Case{Leaves::kAfterKeys, "5 of 10 participants answered step share, at least 8 are needed"},
        Case{Leaves::kAfterShares, "5 of 10 participants answered step collect, at least 8 are needed"}}) {
    const Outcome outcome = cohort.play({.leaves = leaving(10, 2, c.when)});
    EXPECT_EQ(outcome.status.code(), StatusCode::kAborted);
    EXPECT_THAT(outcome.status.message(), HasSubstr(c.reason));
    EXPECT_TRUE(outcome.sum.sum.empty());
  }
}

TEST(SecureSession, IsAbandonedWhenSecretsHaveTooFewHolders) {
  // Five participants, four neighbours each, threshold three.
  Cohort cohort(plan_for(20), 5, 10);
  Play play{
      .leaves = {Leaves::kNever, Leaves::kAfterKeys, Leaves::kNever, Leaves::kAfterKeys, Leaves::kNever}};
  EXPECT_THAT(cohort.play(play).status.message(),
              HasSubstr("3 participants shared, but only 0 of them have the 3 live neighbours they need"));
  std::replace(play.leaves.begin(), play.leaves.end(), Leaves::kAfterKeys, Leaves::kAfterShares);
  EXPECT_THAT(cohort.play(play).status.message(),
              HasSubstr("the self seed of participant 0 has 2 shares left, 3 are needed"));
  std::replace(play.leaves.begin(), play.leaves.end(), Leaves::kAfterShares, Leaves::kAfterConfirming);
  EXPECT_THAT(cohort.play(play).status.message(),
              HasSubstr("the self seed of participant 0 has 2 shares left, 3 are needed"));
}

TEST(SecureSession, IsAbandonedWhenTooFewConfirm) {
  // Twelve participants, eleven neighbours each, threshold seven.
  Cohort cohort(plan_for(20), 12, 10);
  Play play{.leaves = std::vector<Leaves>(12, Leaves::kNever)};
  for (std::size_t i = 0; i < 5; ++i) play.leaves[i] = Leaves::kAfterVector;
  EXPECT_THAT(cohort.play(play).status.message(),
              HasSubstr("7 of 12 survivors confirmed who survived, 0 of them with 7 neighbours that did; the "
                        "self seed of participant 0 has 0 shares left, 7 are needed"));
  play.leaves[4] = Leaves::kNever;
  expect_exact(cohort, play);
}

TEST(SecureSession, GoesOnWithoutWhoCouldNotSeeEnoughSignatures) {
  constexpr std::size_t kDevices = 100;
  Cohort cohort(plan_for(kDevices), kDevices, 8);
  Play play{.leaves = std::vector<Leaves>(kDevices, Leaves::kNever)};
  Heard heard;
  heard.listen(play);
  ASSERT_TRUE(cohort.play(play).status.ok());
  heard.derive_graph();
  // All but threshold - 1 of device 0's neighbours fall silent after their vectors.
  const secagg::GraphParameters graph = heard.graph.parameters();
  for (std::size_t rank = graph.threshold - 1u; rank < graph.neighbours; ++rank)
    play.leaves[heard.graph.of(0)[rank]] = Leaves::kAfterVector;
  heard.messages.clear();
  const Outcome outcome = cohort.play(play);
  EXPECT_THAT(outcome.refusals, IsEmpty());
  EXPECT_EQ(heard.messages[Step::kConfirm].count(0), 1u);
  EXPECT_EQ(heard.messages[Step::kUnmask].count(0), 0u);
  if (outcome.status.ok()) {
    expect_equal(outcome.sum, cohort.expected(play));
  } else {  // the seed that lost too many holders is device 0's own
    EXPECT_THAT(outcome.status.message(), HasSubstr("the self seed of participant 0 has"));
  }
}

// ---- dishonest participants ----

TEST(SecureSession, RefusesASignatureThatDoesNotVerify) {
  Cohort cohort(plan_for(20), 12, 17);
  Play play{.leaves = std::vector<Leaves>(12, Leaves::kNever)};
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kConfirm && device == 9) payload[10] ^= 1;
  };
  const Outcome outcome = cohort.play(play);
  EXPECT_THAT(outcome.refusals,
              ElementsAre(Refusal{.step = Step::kConfirm, .device = 9, .reason = Rejection::kBadSignature}));
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  expect_equal(outcome.sum, cohort.expected(play));  // its vector is in the sum
}

TEST(SecureSession, RefusesAPackedVectorWithBitsInItsPadding) {
  proto::Plan plan = small_plan(10, 8);  // 42 lanes of 11 bits: two bits are left over
  plan.aggregation.packing = proto::Packing::kBits;
  Cohort cohort(plan, 8, 17);
  Play play{.leaves = std::vector<Leaves>(8, Leaves::kNever)};
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kCollect && device == 6) payload.back() |= 0x80;
  };
  const Outcome outcome = cohort.play(play);
  EXPECT_THAT(outcome.refusals,
              ElementsAre(Refusal{.step = Step::kCollect, .device = 6, .reason = Rejection::kMalformed}));
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  play.leaves[6] = Leaves::kAfterShares;
  expect_equal(outcome.sum, cohort.expected(play));
}

TEST(SecureSession, IsAbandonedWhenAVectorIsGarbage) {
  Cohort cohort(plan_for(20), 6, 16);
  Play play;
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step != Step::kCollect || device != 2) return;
    crypto::SeededRandom random(99);
    random.fill(payload);
  };
  const Outcome outcome = cohort.play(play);
  EXPECT_EQ(outcome.status.code(), StatusCode::kAborted);
  EXPECT_THAT(outcome.status.message(), HasSubstr("the count lane says"));
  EXPECT_TRUE(outcome.sum.sum.empty());
}

TEST(SecureSession, RefusesMessagesOfAnotherLengthAndGoesOnWithoutTheirSender) {
  for (const Step wrong : {Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
    for (const int change : {-1, 1}) {
      Cohort cohort(plan_for(20), 12, 17);
      Play play{.leaves = std::vector<Leaves>(12, Leaves::kNever)};
      play.tamper = [&](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
        if (step == wrong && device == 9) payload.resize(payload.size() + static_cast<std::size_t>(change));
      };
      const Outcome outcome = cohort.play(play);
      EXPECT_THAT(outcome.refusals,
                  ElementsAre(Refusal{.step = wrong, .device = 9, .reason = Rejection::kWrongLength}));
      ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
      play.leaves[9] = static_cast<Leaves>(static_cast<int>(wrong) - 1);
      expect_equal(outcome.sum, cohort.expected(play));
    }
  }
}

// ---- repeated and untimely messages ----

TEST(SecureSession, CountsRepeatedMessagesOnceAndRefusesOthers) {
  Cohort cohort(plan_for(20), 8, 18);
  std::vector<std::uint8_t> roster_of_zero, share_of_zero;
  Play play;
  play.received = [&](Step step, std::size_t device, Bytes received) {
    if (step == Step::kShare && device == 0) roster_of_zero.assign(received.begin(), received.end());
  };
  play.sent = [&](CohortSession& session, ParticipantIndex from, Step step, Bytes payload) {
    EXPECT_TRUE(session.answered(from));
    const std::uint32_t before = session.answered_count();
    EXPECT_EQ(session.receive(from, step, payload), Rejection::kNone);
    std::vector<std::uint8_t> other(payload.begin(), payload.end());
    other.back() ^= 1;
    EXPECT_EQ(session.receive(from, step, other), Rejection::kDuplicate);
    EXPECT_EQ(session.answered_count(), before);
    if (step == Step::kShare && from.value == 0)
      share_of_zero = std::vector<std::uint8_t>(payload.begin(), payload.end());
    if (step == Step::kCollect) {
      // The reply to an earlier step was lost: the device says it again.
      if (from.value == 0) {
        EXPECT_EQ(session.receive(from, Step::kShare, share_of_zero), Rejection::kNone);
      }
      EXPECT_EQ(session.receive(from, Step::kShare, other), Rejection::kDuplicate);
      EXPECT_EQ(session.receive(from, Step::kUnmask, other), Rejection::kWrongPhase);
      EXPECT_EQ(session.receive({8}, Step::kCollect, payload), Rejection::kUnknownParticipant);
    }
  };
  expect_exact(cohort, play);
}

TEST(SecureSession, KeepsCountOfWhoIsAwaited) {
  Cohort cohort(hardy_plan(20), 12, 19);
  Play play{.leaves = std::vector<Leaves>(12, Leaves::kNever)};
  play.leaves[1] = Leaves::kBeforeKeys;
  play.leaves[10] = Leaves::kAfterKeys;
  play.leaves[11] = Leaves::kAfterShares;
  std::map<Step, std::uint32_t> awaited;
  play.sent = [&](CohortSession& session, ParticipantIndex from, Step step, Bytes payload) {
    awaited[step] = session.awaited_count();
    EXPECT_TRUE(session.awaited(from));
    if (step == Step::kUnmask) {
      for (const ParticipantIndex gone :
           {ParticipantIndex{9}, ParticipantIndex{10}}) {  // devices 10 and 11: device 1 never joined
        EXPECT_FALSE(session.awaited(gone));
        EXPECT_TRUE(session.message_for(gone).empty());
        EXPECT_EQ(session.receive(gone, step, payload), Rejection::kWrongPhase);
      }
    }
  };
  expect_exact(cohort, play);
  EXPECT_EQ(awaited[Step::kJoin], 11u);
  EXPECT_EQ(awaited[Step::kShare], 11u);
  EXPECT_EQ(awaited[Step::kCollect], 10u);
  EXPECT_EQ(awaited[Step::kUnmask], 9u);
}

// ---- joining ----

using Payload = std::vector<std::uint8_t>;

class Joining : public ::testing::Test {
 protected:
  Joining() { begin(secagg::fleet_authority().public_key(), secagg::kNoClock); }
  void begin(const secagg::Trust& authority, std::uint64_t now) {
    auto made = make_cohort_session(plan_, proto::encode_plan(plan_), random_, authority, now);
    session_ = std::move(*made);
  }
  // Fresh keys without a credential.
  Payload keys() {
    Payload bytes;
    for (int i = 0; i < 2; ++i) {
      crypto::SecretBytes<crypto::kX25519Bytes> scalar;
      random_.fill(scalar.reveal_mutable());
      const crypto::X25519PrivateKey key(scalar);
      bytes.insert(bytes.end(), key.public_key().begin(), key.public_key().end());
    }
    return bytes;
  }
  // Keys with the credential of the device of this number.
  Payload signed_by(std::uint64_t device, Payload keys) {
    secagg::Enrolment enrolment(device);
    return with_credential(enrolment.signer, enrolment.identity.endorsement, std::move(keys));
  }
  Payload with_credential(secagg::Signer& signer, const secagg::Endorsement& endorsement, Payload keys) {
    const secagg::Statement joins = secagg::join_statement(crypto::sha256({proto::encode_plan(plan_)}), keys);
    keys.resize(secagg::join_bytes(secagg::Adversary::kSemiMalicious));
    secagg::encode_credential(
        secagg::make_credential(signer, endorsement, joins),
        std::span(keys).subspan(secagg::kAdvertiseBytes).first<secagg::kCredentialBytes>());
    return keys;
  }
  Rejection admit(const Payload& payload) {
    ParticipantIndex index;
    return session_->admit(payload, index);
  }

  proto::Plan plan_ = plan_for(4);
  crypto::SeededRandom random_{21};
  std::unique_ptr<CohortSession> session_;
};

TEST_F(Joining, RefusesKeysThatWereSeenBefore) {
  const Payload first = keys();
  EXPECT_EQ(admit(signed_by(1, first)), Rejection::kNone);
  EXPECT_EQ(admit(signed_by(2, first)), Rejection::kBadKey);
  Payload same_mask = keys();
  std::copy(first.begin() + 32, first.end(), same_mask.begin() + 32);
  EXPECT_EQ(admit(signed_by(2, same_mask)), Rejection::kBadKey);
  Payload mask_as_channel = keys();
  std::copy(first.begin() + 32, first.end(), mask_as_channel.begin());
  EXPECT_EQ(admit(signed_by(2, mask_as_channel)), Rejection::kBadKey);
  Payload twice = keys();
  std::copy(twice.begin(), twice.begin() + 32, twice.begin() + 32);
  EXPECT_EQ(admit(signed_by(2, twice)), Rejection::kBadKey);
  EXPECT_EQ(session_->awaited_count(), 1u);
}

TEST_F(Joining, RefusesKeysOfSmallOrder) {
  for (const std::uint8_t low : {std::uint8_t{0}, std::uint8_t{1}}) {
    for (const std::size_t half : {0, 32}) {
      Payload bad = keys();
      std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(half), 32, std::uint8_t{0});
      bad[half] = low;
      EXPECT_EQ(admit(signed_by(1, bad)), Rejection::kBadKey) << int{low} << " at " << half;
    }
  }
  EXPECT_EQ(session_->awaited_count(), 0u);
}

TEST_F(Joining, RefusesAnIdentityThatIsThereAlready) {
  EXPECT_EQ(admit(signed_by(1, keys())), Rejection::kNone);
  EXPECT_EQ(admit(signed_by(1, keys())), Rejection::kBadKey);
  EXPECT_EQ(admit(signed_by(2, keys())), Rejection::kNone);
  EXPECT_EQ(session_->awaited_count(), 2u);
}

TEST_F(Joining, RefusesWhomNobodyEnrolled) {
  secagg::KeySigner stranger(secagg::numbered_key(77));
  const auto own = secagg::endorse(stranger, secagg::Role::kDevice, stranger.public_key(), {});
  EXPECT_EQ(admit(with_credential(stranger, own, keys())), Rejection::kBadSignature);
  const secagg::Enrolment coordinator(78, secagg::Role::kCoordinator);
  EXPECT_EQ(admit(with_credential(coordinator.identity.signer, coordinator.identity.endorsement, keys())),
            Rejection::kBadSignature);
}

TEST_F(Joining, RefusesADeviceWhoseEndorsementHasEnded) {
  secagg::KeySigner device(secagg::numbered_key(77));
  const secagg::Endorsement until_200 = secagg::endorse(secagg::fleet_authority(), secagg::Role::kDevice,
                                                        device.public_key(), {.expires_at = 200});
  begin(secagg::fleet_authority().public_key(), 200);
  EXPECT_EQ(admit(with_credential(device, until_200, keys())), Rejection::kExpired);
  EXPECT_EQ(session_->awaited_count(), 0u);
  EXPECT_EQ(admit(signed_by(2, keys())), Rejection::kNone) << "beside others whose endorsements hold";
  const secagg::Endorsement renewed = secagg::endorse(secagg::fleet_authority(), secagg::Role::kDevice,
                                                      device.public_key(), {.issued_at = 190, .epoch = 3});
  EXPECT_EQ(admit(with_credential(device, renewed, keys())), Rejection::kNone);
  begin(secagg::fleet_authority().public_key(), 199);
  EXPECT_EQ(admit(with_credential(device, until_200, keys())), Rejection::kNone);
}

TEST_F(Joining, RefusesADeviceThatTheAuthorityHasRevoked) {
  secagg::Trust authority = secagg::fleet_authority().public_key();
  const secagg::Enrolment stolen(1);
  const crypto::Digest list = secagg::identity_of(stolen.signer.public_key());
  authority.revoked = list;
  begin(authority, 100);
  EXPECT_EQ(admit(signed_by(1, keys())), Rejection::kRevoked);
  EXPECT_EQ(admit(signed_by(2, keys())), Rejection::kNone);
  authority.endorsements_from = 1;  // everybody's are of epoch 0
  begin(authority, 100);
  EXPECT_EQ(admit(signed_by(2, keys())), Rejection::kRevoked);
}

TEST_F(Joining, RefusesASignatureOfOtherKeysOrOfAnotherPlan) {
  Payload swapped = signed_by(1, keys());
  const Payload other = keys();
  std::copy(other.begin(), other.end(), swapped.begin());
  EXPECT_EQ(admit(swapped), Rejection::kBadSignature);
  ++plan_.round.value;
  EXPECT_EQ(admit(signed_by(1, keys())), Rejection::kBadSignature);
  --plan_.round.value;
  EXPECT_EQ(admit(signed_by(1, keys())), Rejection::kNone);  // what was refused left no trace
}

TEST_F(Joining, RefusesOtherLengthsAFullCohortAndLatecomers) {
  Payload payload = signed_by(1, keys());
  payload.push_back(0);
  EXPECT_EQ(admit(payload), Rejection::kMalformed);
  EXPECT_EQ(admit(keys()), Rejection::kMalformed);  // no credential
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(admit(signed_by(i, keys())), Rejection::kNone);
  EXPECT_EQ(admit(signed_by(5, keys())), Rejection::kBadParameters);
  ASSERT_TRUE(session_->close_step().has_value());
  EXPECT_EQ(admit(signed_by(6, keys())), Rejection::kWrongPhase);
}

TEST(MakeCohortSession, NeedsAnAuthorityForSignedSessions) {
  crypto::SeededRandom random(1);
  proto::Plan plan = plan_for(20);
  const auto made = make_cohort_session(plan, proto::encode_plan(plan), random);
  EXPECT_EQ(made.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(made.status().message(), HasSubstr("there is no authority"));
  plan.aggregation.adversary = proto::Adversary::kCurious;
  EXPECT_TRUE(make_cohort_session(plan, proto::encode_plan(plan), random).has_value());
}

TEST(MakeCohortSession, RefusesPlansItCannotServe) {
  crypto::SeededRandom random(1);
  proto::Plan plan = plan_for(20);
  const auto message = [&](const proto::Plan& tried, Bytes bytes) {
    const auto made = make_cohort_session(tried, bytes, random, secagg::fleet_authority().public_key());
    EXPECT_FALSE(made.has_value());
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
    return made.status().message();
  };
  EXPECT_THAT(message(plan, {}), HasSubstr("plan_bytes"));
  proto::Plan other = plan;
  other.round.value = 99;
  EXPECT_THAT(message(plan, proto::encode_plan(other)), HasSubstr("plan_bytes"));
  plan.aggregation.cohort_min = 2;
  EXPECT_THAT(message(plan, proto::encode_plan(plan)), HasSubstr("cohort_min = 2"));
  plan.aggregation.cohort_min = 3;
  plan.aggregation.corrupt_fraction = 0.4f;
  plan.aggregation.dropout_fraction = 0.4f;
  EXPECT_THAT(message(plan, proto::encode_plan(plan)), HasSubstr("no threshold serves 20 participants"));
  plan.aggregation.corrupt_fraction = 0.1f;
  plan.aggregation.dropout_fraction = 0.3f;
  plan.aggregation.honest_min = 16;
  EXPECT_THAT(message(plan, proto::encode_plan(plan)), HasSubstr("leaves 16 honest in every sum"));
}

TEST(SecureSession, OfASizeThatNothingServesEndsWithAdvice) {
  proto::Plan plan = plan_for(20);
  plan.aggregation.corrupt_fraction = 0.1f;
  plan.aggregation.dropout_fraction = 0.3f;
  Cohort cohort(plan, 3, 1);
  const Outcome outcome = cohort.play({});
  EXPECT_THAT(outcome.status.message(),
              AllOf(HasSubstr("no threshold serves 3 participants, of whom 1 may be corrupt"),
                    HasSubstr("raise cohort_min to 8,")));
}

}  // namespace
}  // namespace sotto::aggregator
