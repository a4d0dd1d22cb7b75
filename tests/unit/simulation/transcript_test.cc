#include "fleet/transcript.h"

#include <gtest/gtest.h>

#include <functional>

namespace sotto::simulation {
namespace {

client::Request fetch(std::uint64_t offset) {
  return proto::FetchModelRequest{.task = {}, .version = {}, .offset = offset};
}
Result<client::Reply> chunk(std::uint8_t byte) {
  return client::Reply(proto::ModelChunk{.total_bytes = 1, .bytes = {byte}});
}

crypto::Digest digest_of(const std::function<void(VisitTranscript&)>& visit) {
  VisitTranscript transcript;
  visit(transcript);
  return transcript.finish().digest;
}

TEST(VisitTranscript, EqualMessagesInEqualOrderGiveOneDigest) {
  const auto visit = [](VisitTranscript& transcript) {
    transcript.sent(fetch(0));
    transcript.received(chunk(7));
  };
  EXPECT_EQ(digest_of(visit), digest_of(visit));
  VisitTranscript transcript;
  visit(transcript);
  EXPECT_EQ(transcript.finish().messages, 2u);
}

TEST(VisitTranscript, TellsOrderContentAndKindApart) {
  const std::vector<crypto::Digest> digests = {
      digest_of([](VisitTranscript&) {}),
      digest_of([](VisitTranscript& t) { t.sent(fetch(1)); }),
      digest_of([](VisitTranscript& t) { t.sent(fetch(2)); }),
      digest_of([](VisitTranscript& t) { t.sent(fetch(1)), t.sent(fetch(2)); }),
      digest_of([](VisitTranscript& t) { t.sent(fetch(2)), t.sent(fetch(1)); }),
      digest_of([](VisitTranscript& t) { t.received(chunk(1)); }),
      digest_of([](VisitTranscript& t) { t.received(chunk(2)); }),
      digest_of([](VisitTranscript& t) { t.received(client::Reply(client::Abandoned{})); }),
      digest_of([](VisitTranscript& t) { t.received(Status(StatusCode::kUnavailable, "gone")); }),
      digest_of([](VisitTranscript& t) { t.received(Status(StatusCode::kUnavailable, "")); }),
      // Empty on the wire, both of them.
      digest_of([](VisitTranscript& t) { t.sent(proto::AbandonRequest{}); }),
      digest_of([](VisitTranscript& t) { t.sent(proto::FetchModelRequest{}); }),
  };
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]) << i << " and " << j;
  }
}

TEST(Transcript, DependsOnRoundDeviceCountAndDigestOfEveryVisit) {
  const auto transcript_of = [](std::uint32_t round, std::size_t device,
                                const VisitTranscript::Total& visit) {
    Transcript transcript;
    transcript.add(round, device, visit);
    return transcript.finish();
  };
  const VisitTranscript::Total visit{.messages = 3, .digest = crypto::sha256({})};
  const crypto::Digest base = transcript_of(1, 2, visit);
  EXPECT_EQ(transcript_of(1, 2, visit), base);
  EXPECT_NE(transcript_of(2, 2, visit), base);
  EXPECT_NE(transcript_of(1, 1, visit), base);
  EXPECT_NE(transcript_of(1, 2, {.messages = 2, .digest = visit.digest}), base);
  EXPECT_NE(transcript_of(1, 2, {.messages = 3, .digest = {}}), base);
  EXPECT_NE(Transcript().finish(), base);
}

}  // namespace
}  // namespace sotto::simulation
