// Who is offered an update of a board's model, by the rules of a check-in, and what operators do to updates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "coordinator/access_key.h"
#include "coordinator_harness.h"
#include "sotto/server/model_updates.h"
#include "support/bulletins.h"
#include "support/temporary_directory.h"
#include "unit/device-runtime/update/update_cases.h"

namespace sotto::server {
namespace {

using proto::NoUpdate;
using proto::OfferUpdateReply;
using proto::OfferUpdateRequest;
using proto::UpdateChallenge;
using proto::UpdateOffer;
using testing::Harness;
using Buffer = std::vector<std::uint8_t>;

const crypto::Es256PrivateKey kOwner = model_update::key_number(1);

class CoordinatorUpdates : public ::testing::Test {
 protected:
  CoordinatorUpdates() {
    auto opened = ModelUpdates::open(scratch_.path() / "updates");
    EXPECT_TRUE(opened);
    updates_.emplace(std::move(*opened));
    harness_.updates = &*updates_;
  }

  Harness::Body answer(CallId call) { return harness_.take_any(call); }
  template <typename T>
  T as(OfferUpdateReply reply) {
    auto* value = std::get_if<T>(&reply);
    EXPECT_NE(value, nullptr) << "answer " << reply.index();
    return value == nullptr ? T{} : std::move(*value);
  }

  Status publish(std::uint64_t sequence, std::uint32_t share = kWholeShare) {
    model_update::Manifest manifest = model_update::image_manifest();
    manifest.sequence = sequence;
    manifest.expires_at = model_update::kNeverExpires;
    manifest.size = static_cast<std::uint32_t>(content_.size());
    manifest.digest = crypto::sha256({content_});
    const auto body =
        answer(harness_.call(PublishUpdateEvent{{},
                                                {.manifest = model_update::signed_by(kOwner, manifest),
                                                 .content = manifest.digest,
                                                 .owner = kOwner.public_key(),
                                                 .share = share},
                                                content_,
                                                "uid 1"}));
    const auto* status = std::get_if<Status>(&body);
    return status == nullptr ? Status() : *status;
  }

  static OfferUpdateRequest question(const std::string& device) {
    return {.device_id = device, .task = "activity", .device_class = "m4-wearable", .enrolled = true};
  }
  Harness::Body ask(const OfferUpdateRequest& request) {
    return answer(harness_.call(OfferUpdateEvent{{}, request, "here"}));
  }
  OfferUpdateReply offer(const OfferUpdateRequest& request) {
    auto body = ask(request);
    auto* reply = std::get_if<OfferUpdateReply>(&body);
    EXPECT_NE(reply, nullptr);
    return reply == nullptr ? OfferUpdateReply{} : std::move(*reply);
  }
  static OfferUpdateRequest signed_question(const std::string& device, const UpdateChallenge& challenge,
                                            const std::string& key_of) {
    const secagg::Identity& identity = secagg::enrolled_device(key_of);
    OfferUpdateRequest request = question(device);
    request.proof = proto::UpdateProof{
        challenge.challenge,
        secagg::make_credential(
            identity.signer, identity.endorsement,
            secagg::update_statement(challenge.coordinator, challenge.challenge, device).bytes())};
    return request;
  }
  // Signs, as it is asked to.
  OfferUpdateReply signed_offer(const std::string& device) {
    const auto challenge = as<UpdateChallenge>(offer(question(device)));
    return offer(signed_question(device, challenge, device));
  }
  Harness::Body fetch(const Buffer& pass, std::uint64_t sequence, std::uint64_t offset) {
    return answer(harness_.call(FetchUpdateEvent{
        {}, {"watch-1", "activity", "m4-wearable", sequence, offset, limits::kUpdateChunkBytes, pass}}));
  }
  static StatusCode code(const Harness::Body& body) {
    const auto* status = std::get_if<Status>(&body);
    return status == nullptr ? StatusCode::kOk : status->code();
  }

  TemporaryDirectory scratch_;
  std::optional<ModelUpdates> updates_;
  Harness harness_;
  Buffer content_ = Buffer(100'000, 9);
};

TEST_F(CoordinatorUpdates, WhoHasShownWhoItIsIsOfferedTheNewestAndFetchesItWithItsPass) {
  ASSERT_TRUE(publish(1).ok());
  ASSERT_TRUE(publish(2).ok());
  const auto found = as<UpdateOffer>(signed_offer("watch-1"));
  model_update::Manifest manifest;
  EXPECT_EQ(model_update::read_signed(found.manifest, kOwner.public_key(), manifest),
            model_update::Refusal::kNone);
  EXPECT_EQ(manifest.sequence, 2u);
  Buffer fetched;
  while (fetched.size() < content_.size()) {
    auto body = fetch(found.pass, 2, fetched.size());
    auto* chunk = std::get_if<proto::ModelChunk>(&body);
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(chunk->total_bytes, content_.size());
    EXPECT_LE(chunk->bytes.size(), limits::kUpdateChunkBytes);
    fetched.insert(fetched.end(), chunk->bytes.begin(), chunk->bytes.end());
  }
  EXPECT_EQ(fetched, content_);
  // The pass stands for the signature, and the device that has it is told to wait.
  OfferUpdateRequest again = question("watch-1");
  again.pass = found.pass;
  again.sequence = 2;
  const proto::RetryWindow window = as<NoUpdate>(offer(again)).window;
  EXPECT_GE(window.delay_min_ms, 600'000u);
  EXPECT_LE(window.delay_min_ms, window.delay_max_ms);
}

TEST_F(CoordinatorUpdates, NobodyElseIsOfferedOrFetchesAnything) {
  ASSERT_TRUE(publish(1).ok());
  OfferUpdateRequest nobody = question("watch-1");
  nobody.enrolled = false;
  EXPECT_EQ(code(ask(nobody)), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(fetch({}, 1, 0)), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(fetch(Buffer(72, 1), 1, 0)), StatusCode::kFailedPrecondition) << "a pass of nobody's";
  const auto challenge = as<UpdateChallenge>(offer(question("watch-1")));
  OfferUpdateRequest forged = signed_question("watch-1", challenge, "watch-1");
  forged.proof->credential.signature[3] ^= 1;
  EXPECT_EQ(code(ask(forged)), StatusCode::kPermissionDenied);
  // A signature of a check-in is none of an update, nor that of a challenge that another was given.
  const secagg::Identity& identity = secagg::enrolled_device("watch-1");
  OfferUpdateRequest other = question("watch-1");
  other.proof = proto::UpdateProof{
      challenge.challenge, secagg::make_credential(identity.signer, identity.endorsement,
                                                   secagg::check_in_statement(challenge.coordinator, TaskId{},
                                                                              challenge.challenge, "watch-1")
                                                       .bytes())};
  EXPECT_EQ(code(ask(other)), StatusCode::kPermissionDenied);
  as<UpdateChallenge>(offer(signed_question("watch-2", challenge, "watch-2")));
}

TEST_F(CoordinatorUpdates, AChallengeIsGoodForOneOfferAndAMinute) {
  ASSERT_TRUE(publish(1).ok());
  const auto challenge = as<UpdateChallenge>(offer(question("watch-1")));
  const OfferUpdateRequest request = signed_question("watch-1", challenge, "watch-1");
  as<UpdateOffer>(offer(request));
  as<UpdateChallenge>(offer(request));
  const auto late = as<UpdateChallenge>(offer(question("watch-1")));
  harness_.advance(AccessKey::kChallengeHolds.count());
  as<UpdateChallenge>(offer(signed_question("watch-1", late, "watch-1")));
}

TEST_F(CoordinatorUpdates, ABannedDeviceAndARevokedOneAreRefusedEvenWithAPass) {
  ASSERT_TRUE(publish(1).ok());
  const auto found = as<UpdateOffer>(signed_offer("watch-1"));
  harness_.call(BanDeviceEvent{{}, {.device = "watch-1"}, "uid 1"});
  EXPECT_EQ(code(fetch(found.pass, 1, 0)), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(ask(question("watch-1"))), StatusCode::kPermissionDenied);
}

TEST_F(CoordinatorUpdates, ATaskThatTakesStrangersHasUpdatesForThem) {
  proto::TaskSpec spec = testing::task_spec(proto::Aggregation::kSecure, 5);
  spec.name = "activity";
  spec.aggregation.adversary = proto::Adversary::kCurious;
  harness_.create(spec);
  ASSERT_TRUE(publish(1).ok());
  OfferUpdateRequest stranger = question("watch-1");
  stranger.enrolled = false;
  as<UpdateOffer>(offer(stranger));
  EXPECT_EQ(code(fetch({}, 1, 0)), StatusCode::kOk);
}

TEST_F(CoordinatorUpdates, AnUpdateThatIsNotOfferedToADeviceIsNotFetchedByIt) {
  ASSERT_TRUE(publish(1).ok());
  const auto found = as<UpdateOffer>(signed_offer("watch-1"));
  EXPECT_EQ(code(fetch(found.pass, 0, 0)), StatusCode::kNotFound);
  EXPECT_EQ(code(fetch(found.pass, 2, 0)), StatusCode::kNotFound);
  EXPECT_EQ(code(fetch(found.pass, UINT64_MAX, UINT64_MAX)), StatusCode::kNotFound);
  auto body = answer(harness_.call(ShareUpdateEvent{{}, {"activity", "m4-wearable", 0}, "uid 1"}));
  ASSERT_TRUE(std::holds_alternative<std::vector<proto::UpdateStatus>>(body));
  EXPECT_EQ(std::get<std::vector<proto::UpdateStatus>>(body).at(0).share, 0u);
  EXPECT_EQ(code(fetch(found.pass, 1, 0)), StatusCode::kNotFound) << "withdrawn";
  as<NoUpdate>(signed_offer("watch-1"));
}

TEST_F(CoordinatorUpdates, ActsThatCannotBeAreRefusedInWordsAndActsAreListed) {
  EXPECT_EQ(code(answer(harness_.call(ShareUpdateEvent{{}, {"activity", "m4-wearable", 5}, "uid 1"}))),
            StatusCode::kNotFound);
  ASSERT_TRUE(publish(3, 50).ok());
  EXPECT_EQ(publish(3).code(), StatusCode::kInvalidArgument) << "stale";
  EXPECT_EQ(publish(4, kWholeShare + 1).code(), StatusCode::kInvalidArgument);
  const auto body = answer(harness_.call(
      PublishUpdateEvent{{}, {.manifest = {1, 2}, .owner = kOwner.public_key()}, content_, "uid 1"}));
  EXPECT_EQ(code(body), StatusCode::kInvalidArgument);
  const auto listed = answer(harness_.call(ListUpdatesEvent{}));
  const auto& updates = std::get<std::vector<proto::UpdateStatus>>(listed);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].sequence, 3u);
  EXPECT_EQ(updates[0].share, 50u);
  EXPECT_EQ(updates[0].bytes, content_.size());
}

TEST_F(CoordinatorUpdates, ACoordinatorThatKeepsNoneSaysSo) {
  harness_.updates = nullptr;
  as<NoUpdate>(signed_offer("watch-1"));
  EXPECT_EQ(publish(1).code(), StatusCode::kNotFound);
  const auto listed = answer(harness_.call(ListUpdatesEvent{}));
  EXPECT_TRUE(std::get<std::vector<proto::UpdateStatus>>(listed).empty());
}

}  // namespace
}  // namespace sotto::server
