// What the coordinator remembers of devices and of the fleet, each within its bound.
#include <gtest/gtest.h>

#include <string>

#include "coordinator/census.h"
#include "coordinator/device_records.h"
#include "coordinator/report_times.h"
#include "sotto/base/limits.h"

namespace sotto::server {
namespace {

using Outcome = DeviceRecord::Outcome;
using std::chrono::milliseconds;

Visitor named(const std::string& name) { return {.device_id = name}; }
Visitor enrolled(const std::string& name, std::uint8_t key) {
  crypto::Digest identity{};
  identity[0] = key;
  return {.device_id = name, .identity = identity};
}

TEST(DeviceRecords, KeepHowALastSessionEndedAndWhy) {
  DeviceRecords records(milliseconds(1'000), 10);
  EXPECT_EQ(records.find(named("d1")), nullptr);
  records.seen(named("d1"), Time{5});
  EXPECT_EQ(records.find(named("d1"))->last_outcome, Outcome::kNone);
  records.failed(named("d1"), Outcome::kLeft, "battery", Time{10});
  EXPECT_EQ(records.find(named("d1"))->reason, "battery");
  EXPECT_EQ(records.find(named("d1"))->last_outcome, Outcome::kLeft);
  records.counted(named("d1"), Time{20});
  const DeviceRecord& record = *records.find(named("d1"));
  EXPECT_EQ(record.last_outcome, Outcome::kCounted);
  EXPECT_EQ(record.failures, 1u);
  EXPECT_EQ(record.failures_in_a_row, 0u);
  EXPECT_EQ(record.last_seen, Time{20});
}

TEST(DeviceRecords, AskForLongerWaitsUpToMinutesAndForgetThemAfterAnHour) {
  DeviceRecords records(milliseconds(1'000), 10);
  Time now{1'000'000};
  records.failed(named("d1"), Outcome::kLeft, "", now);
  EXPECT_EQ(records.waits(named("d1"), now), nullptr) << "the first costs nothing";
  for (const std::int64_t wait_ms : {1'000, 2'000, 4'000, 8'000}) {
    records.failed(named("d1"), Outcome::kLeft, "", now);
    EXPECT_EQ(records.waits(named("d1"), now)->plan_from, now + milliseconds(wait_ms));
    EXPECT_EQ(records.waits(named("d1"), now + milliseconds(wait_ms)), nullptr);
  }
  for (int i = 0; i < 100; ++i) records.failed(named("d1"), Outcome::kLeft, "", now);
  EXPECT_EQ(records.waits(named("d1"), now)->plan_from, now + DeviceRecords::kLongestWait);
  now = now + DeviceRecords::kForgiven;
  records.failed(named("d1"), Outcome::kLeft, "", now);
  EXPECT_EQ(records.waits(named("d1"), now), nullptr);
}

TEST(DeviceRecords, OfDevicesThatWereTakenForSilentAndAnswerAreMended) {
  DeviceRecords records(milliseconds(1'000), 10);
  for (int i = 0; i < 2; ++i) records.failed(named("slow"), Outcome::kSilent, "", Time{1});
  ASSERT_NE(records.waits(named("slow"), Time{1}), nullptr);
  records.turned_up(named("slow"), Time{2});
  EXPECT_EQ(records.waits(named("slow"), Time{2}), nullptr);
  for (int i = 0; i < 2; ++i) records.failed(named("liar"), Outcome::kLeft, "", Time{1});
  records.turned_up(named("liar"), Time{2});
  EXPECT_NE(records.waits(named("liar"), Time{2}), nullptr);
}

TEST(DeviceRecords, NobodyWaitsWhenNoWaitIsAskedFor) {
  DeviceRecords records(milliseconds(0), 10);
  for (int i = 0; i < 50; ++i) records.failed(named("d1"), Outcome::kLeft, "", Time{1});
  EXPECT_EQ(records.waits(named("d1"), Time{1}), nullptr);
}

TEST(DeviceRecords, NamesPushNoIdentityOutAndOneIdentityIsOneDevice) {
  DeviceRecords records(milliseconds(1'000), 10);
  records.failed(enrolled("d1", 1), Outcome::kLeft, "label 6", Time{1});
  records.seen(enrolled("renamed", 1), Time{2});
  for (int i = 0; i < 1'000; ++i) records.seen(named("made-up-" + std::to_string(i)), Time{3});
  ASSERT_NE(records.find(enrolled("d1", 1)), nullptr);
  EXPECT_EQ(records.find(enrolled("d1", 1))->reason, "label 6");
  EXPECT_EQ(records.find(enrolled("d1", 1))->visitor.device_id, "renamed");
  EXPECT_EQ(records.find(named("made-up-0")), nullptr);
  EXPECT_EQ(records.find(named("made-up-989")), nullptr);
  EXPECT_NE(records.find(named("made-up-990")), nullptr) << "the ten that were seen last";
}

TEST(ShownReason, IsShortAndPrintable) {
  EXPECT_EQ(shown_reason("label 6\n\x1b[31m\xff"), "label 6??[31m?");
  EXPECT_EQ(shown_reason(std::string(1'000, 'x')).size(), limits::kDeviceReasonBytesMax);
  EXPECT_EQ(shown_reason(""), "");
}

TEST(Census, CountsDevicesThatWereSeenWithinItsWindow) {
  Census census(milliseconds(1'000), 100);
  census.seen("d1", Time{0});
  census.seen("d2", Time{500});
  census.seen("d1", Time{900});
  EXPECT_EQ(census.count(Time{1'400}), 2u);
  EXPECT_EQ(census.count(Time{1'500}), 1u);
  EXPECT_EQ(census.count(Time{1'899}), 1u);
  EXPECT_EQ(census.count(Time{1'900}), 0u);
  census.widen(milliseconds(5'000));
  census.widen(milliseconds(10));
  census.seen("d1", Time{2'000});
  EXPECT_EQ(census.count(Time{6'999}), 1u);
}

TEST(Census, ThatIsFullHasEnoughForAnything) {
  Census census(milliseconds(1'000), 3);
  for (const char* device : {"a", "b"}) census.seen(device, Time{0});
  EXPECT_TRUE(census.at_least(2, Time{0}));
  EXPECT_FALSE(census.at_least(3, Time{0}));
  for (const char* device : {"c", "d"}) census.seen(device, Time{0});
  EXPECT_EQ(census.count(Time{0}), 3u);
  EXPECT_TRUE(census.at_least(1'000, Time{0}));
}

TEST(ReportTimes, SayWhatNineOfTenDevicesNeed) {
  ReportTimes times;
  EXPECT_TRUE(times.empty());
  times.add(7);
  EXPECT_EQ(times.usual_ms(), 7);
  for (std::int64_t ms = 1; ms <= 9; ++ms) times.add(100 * ms);
  EXPECT_EQ(times.usual_ms(), 800) << "the ninth of ten";
  times.add(-5);
  EXPECT_EQ(times.usual_ms(), 800) << "the tenth of eleven";
}

TEST(ReportTimes, ForgetTheOldest) {
  ReportTimes times;
  for (std::size_t i = 0; i < ReportTimes::kKept; ++i) times.add(1'000'000);
  for (std::size_t i = 0; i < ReportTimes::kKept; ++i) times.add(50);
  EXPECT_EQ(times.usual_ms(), 50);
}

}  // namespace
}  // namespace sotto::server
