#include "sotto/proto/wire_bytes.h"

#include <gtest/gtest.h>

#include "sotto.pb.h"

namespace sotto::proto {
namespace {

TEST(WireBytes, AreWhatAPeerReads) {
  v1::FetchModelRequest read;
  ASSERT_TRUE(
      read.ParseFromString(wire_bytes(FetchModelRequest{.task = {7}, .version = {3}, .offset = 65536})));
  EXPECT_EQ(read.task(), 7u);
  EXPECT_EQ(read.version(), 3u);
  EXPECT_EQ(read.offset(), 65536u);
}

TEST(WireBytes, OfEveryMessageDependOnItsContent) {
  const SessionToken token{{1}};
  const auto check_in = [](const char* device) {
    CheckInRequest request;
    request.device_id = device;
    return wire_bytes(request);
  };
  EXPECT_NE(check_in("a"), check_in("b"));
  EXPECT_NE(wire_bytes(CheckInReply(PlanOffer{.token = token, .plan = {1}})),
            wire_bytes(CheckInReply(PlanOffer{.token = token, .plan = {2}})));
  EXPECT_NE(wire_bytes(CheckInReply(RetryWindow{.delay_max_ms = 1, .reason = {}})),
            wire_bytes(CheckInReply(RetryWindow{.delay_max_ms = 2, .reason = {}})));
  EXPECT_NE(wire_bytes(ModelChunk{.bytes = {1}}), wire_bytes(ModelChunk{.bytes = {2}}));
  EXPECT_NE(wire_bytes(ExchangeRequest{.token = token, .payload = {1}}),
            wire_bytes(ExchangeRequest{.token = token, .payload = {2}}));
  EXPECT_NE(wire_bytes(ExchangeReply(NextStep{.payload = {1}})), wire_bytes(ExchangeReply(NextStep{})));
  EXPECT_NE(wire_bytes(AbandonRequest{.token = token, .reason = "battery"}),
            wire_bytes(AbandonRequest{.token = token, .reason = "user"}));
}

}  // namespace
}  // namespace sotto::proto
