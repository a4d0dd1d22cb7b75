#include "coordinator/tally.h"

#include <gtest/gtest.h>

namespace sotto::server {
namespace {

TEST(Tally, SaysNothingOfAMinuteWithoutCalls) {
  Tally tally;
  EXPECT_EQ(tally.report(Time{10'000'000}), std::nullopt);
}

TEST(Tally, CountsAMinuteFromItsFirstAnswer) {
  Tally tally;
  tally.count(proto::ExchangeReply(proto::NextStep{}), Time{100'000});
  tally.count(proto::ExchangeReply(proto::NextStep{}), Time{159'000});
  EXPECT_EQ(tally.report(Time{159'999}), std::nullopt);
  EXPECT_EQ(tally.report(Time{160'000}), "in 60 s: 2 steps answered");
  EXPECT_EQ(tally.report(Time{160'000}), std::nullopt) << "counting has begun anew";
  tally.count(proto::ExchangeReply(proto::NextStep{}), Time{200'000});
  EXPECT_EQ(tally.report(Time{259'999}), std::nullopt);
  EXPECT_EQ(tally.report(Time{300'500}), "in 100 s: 1 steps answered");
}

TEST(Tally, TellsEveryKindOfAnswerApart) {
  Tally tally;
  const Time now{0};
  tally.count(proto::CheckInReply(proto::PlanOffer{}), now);
  for (int i = 0; i < 2; ++i) tally.count(proto::CheckInReply(proto::RetryWindow{}), now);
  for (int i = 0; i < 3; ++i) tally.count(proto::CheckInReply(proto::Challenge{}), now);
  for (int i = 0; i < 4; ++i) tally.count(proto::ModelChunk{}, now);
  tally.count(proto::ExchangeReply(proto::KeepWaiting{}), now);
  tally.count(proto::ExchangeReply(proto::Refused{Rejection::kBadSignature, {}}), now);
  for (int i = 0; i < 2; ++i)
    tally.count(proto::ExchangeReply(proto::Refused{Rejection::kDuplicate, {}}), now);
  tally.count(Status(StatusCode::kPermissionDenied, "who?"), now);
  EXPECT_EQ(tally.report(Time{60'000}),
            "in 60 s: 1 plans given, 2 devices told to wait, 3 asked who they are, 4 chunks of models sent, "
            "1 steps answered; refused: 2 duplicate, 1 bad signature, 1 permission denied");
}

TEST(Tally, NamesRefusalsAlone) {
  Tally tally;
  tally.count(Status(StatusCode::kIo, "disk"), Time{0});
  EXPECT_EQ(tally.report(Time{60'000}), "in 60 s: refused: 1 input/output error");
}

}  // namespace
}  // namespace sotto::server
