#include "sotto/proto/link_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sotto/proto/link_codec.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::proto {
namespace {

using Buffer = std::vector<std::uint8_t>;

secagg::Credential credential() {
  Buffer bytes(secagg::kCredentialBytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  secagg::Credential made;
  EXPECT_TRUE(accepted(secagg::decode_credential(bytes, made)));
  return made;
}

SessionToken token() {
  SessionToken made;
  made.value.fill(0x5a);
  return made;
}

std::vector<LinkRequest> calls() {
  CheckInRequest plain{.device_id = "kitchen-7", .population = "wearables", .trainers = {}};
  CheckInRequest full{.device_id = std::string(64, 'a'),
                      .population = "p",
                      .trainers = {Architecture::kSoftmax, Architecture::kCustom},
                      .parameters_max = 780,
                      .custom_models = {"head", std::string(64, 'm')},
                      .bulletin_edition = 9,
                      .enrolled = true,
                      .pass = Buffer(128, 3),
                      .proof = CheckInProof{Buffer(64, 1), TaskId{4}, credential()}};
  crypto::Digest digest;
  digest.fill(7);
  return {plain,
          full,
          FetchModelRequest{token(), TaskId{4}, ModelVersion{5}, 262'144},
          ExchangeRequest{.token = token(), .step = Step::kJoin, .payload = {1, 2, 3}, .plan_digest = digest},
          ExchangeRequest{.token = token(), .step = Step::kCollect, .payload = Buffer(1800, 0xaa)},
          ExchangeRequest{.token = token(), .step = Step::kUnmask, .poll = true, .payload = {}},
          AbandonRequest{.token = token(), .reason = "the battery is low"},
          AbandonRequest{.token = token(), .reason = "no helper", .plan_refused = true},
          AbandonRequest{token(), "", LedgerReport{LedgerRefusal::kPeriodSpent, 1'800'000'000, RoundId{77}}}};
}

// Those of updates.
std::vector<LinkRequest> update_calls() {
  const std::string longest(64, 'n');
  return {OfferUpdateRequest{.device_id = "kitchen-7", .task = "activity", .device_class = "m4"},
          OfferUpdateRequest{.device_id = longest,
                             .task = longest,
                             .device_class = longest,
                             .sequence = UINT64_MAX,
                             .enrolled = true,
                             .pass = Buffer(128, 3),
                             .proof = UpdateProof{Buffer(64, 1), credential()}},
          FetchUpdateRequest{"kitchen-7", "activity", "m4", 7, 4096, 1, {}},
          FetchUpdateRequest{longest, longest, longest, 1, UINT64_MAX, limits::kUpdateChunkBytes,
                             Buffer(128, 3)}};
}

std::vector<Result<LinkReply>> answers() {
  const RetryWindow window{100, 2000, "training"};
  crypto::Digest coordinator;
  coordinator.fill(8);
  return {
      LinkReply(CheckInReply(PlanOffer{.token = token(), .plan = Buffer(300, 1)})),
      LinkReply(CheckInReply(PlanOffer{token(), Buffer(limits::kPlanBytesMax, 1), credential(),
                                       Buffer(1000, 2), Buffer(128, 3), Buffer(32, 4)})),
      LinkReply(CheckInReply(window)),
      LinkReply(CheckInReply(Challenge{Buffer(40, 6), TaskId{4}, coordinator})),
      LinkReply(ModelChunk{3120, 1024, Buffer(2096, 9)}),
      LinkReply(ExchangeReply(NextStep{Step::kShare, Buffer(960, 1)})),
      LinkReply(ExchangeReply(KeepWaiting{window})),
      LinkReply(ExchangeReply(SessionEnd{true, "counted", window})),
      LinkReply(ExchangeReply(Refused{Rejection::kWrongModel, window})),
      LinkReply(LinkLeft{}),
      Status(StatusCode::kUnavailable, "nobody answers"),
      LinkReply(OfferUpdateReply(UpdateOffer{Buffer(limits::kUpdateManifestBytesMax, 1), Buffer(128, 3)})),
      LinkReply(OfferUpdateReply(UpdateOffer{Buffer(1, 1), {}})),
      LinkReply(OfferUpdateReply(NoUpdate{window})),
      LinkReply(OfferUpdateReply(UpdateChallenge{Buffer(40, 6), coordinator}))};
}

std::vector<LinkRequest> all_calls() {
  std::vector<LinkRequest> all = calls();
  for (LinkRequest& call : update_calls()) all.push_back(std::move(call));
  return all;
}

TEST(LinkMessage, CallsComeBackAsTheyWere) {
  for (const LinkRequest& call : all_calls()) {
    const Buffer bytes = encode_link_call(call);
    const auto again = decode_link_call(bytes);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->index(), call.index());
    EXPECT_EQ(encode_link_call(*again), bytes);
  }
  const auto first = decode_link_call(encode_link_call(calls()[1]));
  EXPECT_EQ(std::get<CheckInRequest>(*first), std::get<CheckInRequest>(calls()[1]));
  const auto last = decode_link_call(encode_link_call(calls().back()));
  EXPECT_EQ(std::get<AbandonRequest>(*last).ledger, std::get<AbandonRequest>(calls().back()).ledger);
  const auto offer = decode_link_call(encode_link_call(update_calls()[1]));
  EXPECT_EQ(std::get<OfferUpdateRequest>(*offer), std::get<OfferUpdateRequest>(update_calls()[1]));
  const auto fetch = decode_link_call(encode_link_call(update_calls()[3]));
  EXPECT_EQ(std::get<FetchUpdateRequest>(*fetch), std::get<FetchUpdateRequest>(update_calls()[3]));
}

TEST(LinkMessage, AnswersComeBackAsTheyWere) {
  for (const Result<LinkReply>& answer : answers()) {
    const Buffer bytes = encode_link_answer(answer);
    link::Answer view;
    ASSERT_TRUE(accepted(link::decode_answer(bytes, view)));
    const auto again = decode_link_answer(bytes);
    EXPECT_EQ(encode_link_answer(again), bytes);
    ASSERT_EQ(again.has_value(), answer.has_value());
    if (!answer) {
      EXPECT_EQ(again.error(), answer.error());
    }
  }
}

// A message has one form, and no part of it is one.
TEST(LinkMessage, WhatIsCutOffOrChangedIsRefusedOrCanonical) {
  for (const LinkRequest& call : all_calls()) {
    const Buffer sound = encode_link_call(call);
    for (std::size_t i = 0; i < std::min<std::size_t>(sound.size(), 700); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Buffer changed = sound;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ 1 << bit);
        if (const auto again = decode_link_call(changed)) {
          EXPECT_EQ(encode_link_call(*again), changed);
        }
      }
      const Bytes cut = Bytes(sound).first(i);
      if (const auto again = decode_link_call(cut)) {
        EXPECT_EQ(encode_link_call(*again), Buffer(cut.begin(), cut.end()));
      }
    }
  }
}

TEST(LinkMessage, AnswersThatWereChangedAreRefusedOrCanonical) {
  for (const Result<LinkReply>& answer : answers()) {
    const Buffer sound = encode_link_answer(answer);
    for (std::size_t i = 0; i < std::min<std::size_t>(sound.size(), 700); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Buffer changed = sound;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ 1 << bit);
        link::Answer view;
        if (!accepted(link::decode_answer(changed, view))) continue;
        EXPECT_EQ(encode_link_answer(decode_link_answer(changed)), changed);
      }
    }
  }
}

TEST(LinkMessage, NoNameOrTextReachesTheCoordinatorThatItWouldNotTake) {
  const Buffer named =
      encode_link_call(CheckInRequest{.device_id = "ab", .population = "cd", .trainers = {}});
  for (const char c : {'\0', ' ', '\n', '/', '\x7f', '\xc3'}) {
    Buffer changed = named;
    *std::find(changed.begin(), changed.end(), 'a') = static_cast<std::uint8_t>(c);
    EXPECT_FALSE(decode_link_call(changed)) << "character " << int{c};
  }
  Buffer reason = encode_link_call(AbandonRequest{.token = token(), .reason = "x"});
  reason.back() = '\n';
  EXPECT_FALSE(decode_link_call(reason));
  reason.back() = 'x';
  reason.insert(reason.end(), limits::kReasonBytesMax, 'x');
  EXPECT_FALSE(decode_link_call(reason)) << "one byte too long";
}

TEST(LinkMessage, ASentenceIsPrintableAndShortOnItsWay) {
  const auto read = [](const std::string& text) {
    return decode_link_answer(encode_link_answer(unavailable(text))).error().message();
  };
  EXPECT_EQ(read("a\tb\nc\x1f"), "a?b?c?");
  EXPECT_EQ(read(" ~\x7f\x80\xff"), " ~???");
  EXPECT_EQ(read(std::string(1, '\0') + "x"), "?x");
  EXPECT_EQ(read(std::string(limits::kReasonBytesMax + 1, 'x')), std::string(limits::kReasonBytesMax, 'x'));
}

TEST(LinkMessage, APollHasNoPayload) {
  Buffer bytes =
      encode_link_call(ExchangeRequest{.token = token(), .step = Step::kShare, .poll = true, .payload = {}});
  bytes.push_back(0);
  EXPECT_FALSE(decode_link_call(bytes));
}

TEST(LinkMessage, AnAnswerBeyondItsBoundsIsRefused) {
  link::Answer view;
  const auto refused = [&](const LinkReply& reply) {
    return !accepted(link::decode_answer(encode_link_answer(reply), view));
  };
  EXPECT_TRUE(refused(LinkReply(CheckInReply(RetryWindow{2, 1, ""}))))
      << "a window that ends before it begins";
  EXPECT_TRUE(refused(LinkReply(ModelChunk{10, 8, Buffer(3)}))) << "bytes beyond the model's end";
  EXPECT_TRUE(refused(LinkReply(ModelChunk{1 << 20, 0, Buffer(limits::kModelChunkBytes + 1)})));
  EXPECT_TRUE(refused(LinkReply(CheckInReply(PlanOffer{.token = token(), .plan = {}}))));
  EXPECT_TRUE(
      refused(LinkReply(CheckInReply(PlanOffer{.token = token(), .plan = Buffer(9), .check_key = {1}}))));
  EXPECT_FALSE(accepted(link::decode_answer({}, view)));
  EXPECT_TRUE(refused(LinkReply(OfferUpdateReply(UpdateOffer{{}, {}})))) << "an offer of nothing";
  EXPECT_TRUE(refused(LinkReply(OfferUpdateReply(UpdateOffer{Buffer(513), {}}))));
  EXPECT_TRUE(refused(LinkReply(OfferUpdateReply(UpdateChallenge{Buffer(65), {}}))));
  EXPECT_TRUE(refused(LinkReply(OfferUpdateReply(NoUpdate{RetryWindow{2, 1, ""}}))));
  EXPECT_FALSE(accepted(link::decode_answer(Buffer{14}, view))) << "a type that there is not";
}

TEST(LinkMessage, APieceOfAnUpdateHasItsBounds) {
  for (const std::uint32_t bytes : {0u, std::uint32_t{limits::kUpdateChunkBytes} + 1, UINT32_MAX}) {
    EXPECT_FALSE(decode_link_call(encode_link_call(FetchUpdateRequest{"d", "t", "c", 1, 0, bytes, {}})));
  }
}

TEST(LinkMessage, WritingStopsAtTheEndOfTheRoom) {
  const link::Call call = link::Exchange{.token = token(), .step = Step::kShare, .payload = {}};
  Buffer room(link::encoded_bytes(call) - 1);
  ByteWriter out(room);
  EXPECT_FALSE(link::encode(call, out));
}

}  // namespace
}  // namespace sotto::proto
