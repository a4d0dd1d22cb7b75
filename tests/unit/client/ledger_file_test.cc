#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sotto/client/ledger.h"
#include "support/temporary_directory.h"

namespace sotto::client {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kNow = 1'767'225'600;

LedgerPlan plan_of(std::uint64_t round) {
  LedgerPlan plan{.task = TaskId{3}, .round = RoundId{round}, .version = ModelVersion{round}};
  plan.model.fill(static_cast<std::uint8_t>(round));
  return plan;
}

class LedgerFile : public testing::Test {
 protected:
  std::unique_ptr<DeviceLedger> open(const LedgerBudgets& budgets = {}) {
    auto ledger = open_ledger(file_, budgets);
    EXPECT_TRUE(ledger.has_value()) << ledger.status().message();
    return ledger ? std::move(*ledger) : nullptr;
  }
  void send(std::uint64_t round) {
    const auto ledger = open();
    ASSERT_TRUE(ledger->join(plan_of(round), kNow)->allowed());
    ASSERT_TRUE(ledger->charge(plan_of(round), kNow)->allowed());
  }

  TemporaryDirectory folder_{"ledger-"};
  const std::filesystem::path file_ = folder_.path() / "device.ledger";
};

TEST_F(LedgerFile, IsMadeAtOnceAndForItsOwnerOnly) {
  EXPECT_EQ(read_ledger(file_).status().code(), StatusCode::kNotFound);
  open();
  EXPECT_EQ(*read_ledger(file_), Ledger());
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LedgerFile, RemembersOverRestarts) {
  send(5);
  const auto again = open();
  EXPECT_EQ(again->look(plan_of(5), kNow)->refusal->refusal, proto::LedgerRefusal::kRoundUsed);
  EXPECT_TRUE(again->join(plan_of(6), kNow)->allowed());
  EXPECT_EQ(read_ledger(file_)->tasks().at(0).round, RoundId{6}) << "an owner may look at any time";
  EXPECT_EQ(read_ledger(file_)->vectors(), 1u);
}

TEST_F(LedgerFile, IsKeptByOneDeviceAtATime) {
  const auto first = open();
  const auto second = open_ledger(file_, {});
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("is kept by another process"));
}

TEST_F(LedgerFile, ThatIsDamagedIsNeverReplacedByAFreshOne) {
  send(5);
  std::fstream(file_, std::ios::in | std::ios::out | std::ios::binary).seekp(60).put('X');
  for (int start = 0; start < 2; ++start) {
    const auto ledger = open_ledger(file_, {});
    EXPECT_EQ(ledger.status().code(), StatusCode::kDataLoss);
    EXPECT_THAT(ledger.status().message(), HasSubstr(file_.string()));
    EXPECT_THAT(ledger.status().message(), HasSubstr("takes part in nothing until its owner"));
  }
  std::ofstream(file_, std::ios::trunc);  // as a disk that was full would leave it
  EXPECT_EQ(open_ledger(file_, {}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(read_ledger(file_).status().code(), StatusCode::kDataLoss);
  std::ofstream(file_) << std::string(Ledger::kBytesMax + 1, 'x');
  EXPECT_EQ(open_ledger(file_, {}).status().code(), StatusCode::kDataLoss);
}

// An owner who wants to begin anew takes both files away.
TEST_F(LedgerFile, ThatIsLostOrAnOlderCopyIsNotGoneOnWith) {
  send(5);
  const std::filesystem::path older = folder_.path() / "older";
  std::filesystem::copy_file(file_, older);
  send(6);
  const auto refused = [&] {
    const auto ledger = open_ledger(file_, {});
    EXPECT_EQ(ledger.status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(read_ledger(file_).status().code(), StatusCode::kDataLoss);
    return ledger.status().message();
  };
  std::filesystem::copy_file(older, file_, std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(refused(), HasSubstr("an older copy: it knows of 2 joins and vectors, there were 4"));
  std::filesystem::remove(file_);
  EXPECT_THAT(refused(), HasSubstr("is missing"));
  EXPECT_FALSE(std::filesystem::exists(file_));
  std::filesystem::remove(file_.string() + ".step");
  open();
  EXPECT_EQ(*read_ledger(file_), Ledger());
}

TEST_F(LedgerFile, OfBeforeThereWereStepsHasOneFromThenOn) {
  send(5);
  std::filesystem::remove(file_.string() + ".step");
  open();
  std::filesystem::remove(file_);
  EXPECT_EQ(open_ledger(file_, {}).status().code(), StatusCode::kDataLoss);
}

TEST_F(LedgerFile, ThatCannotBeWrittenLetsNothingLeave) {
  const auto ledger = open();
  ASSERT_TRUE(ledger->join(plan_of(1), kNow)->allowed());
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);  // a folder has its name
  EXPECT_EQ(ledger->charge(plan_of(1), kNow).status().code(), StatusCode::kIo);
  std::filesystem::remove(file_);
  EXPECT_TRUE(ledger->charge(plan_of(1), kNow)->allowed());
  EXPECT_EQ(read_ledger(file_)->vectors(), 1u);
}

TEST_F(LedgerFile, ThatCannotBeMadeIsAnErrorAtOnce) {
  const std::filesystem::path beside = file_.string() + ".new";
  std::filesystem::create_directory(beside);  // where it is written before it gets its name
  EXPECT_EQ(open_ledger(file_, {}).status().code(), StatusCode::kIo);
  EXPECT_EQ(read_ledger(file_).status().code(), StatusCode::kNotFound);
  std::filesystem::remove(beside);
  open();
}

TEST_F(LedgerFile, WithoutItsFolderIsAnErrorAtOnce) {
  const auto ledger = open_ledger(folder_.path() / "gone" / "ledger", {});
  EXPECT_EQ(ledger.status().code(), StatusCode::kIo);
  EXPECT_THAT(ledger.status().message(), HasSubstr("gone"));
}

TEST_F(LedgerFile, TheOwnersStopHoldsAtOnceAndOverRestarts) {
  const auto ledger = open();
  EXPECT_FALSE(*ledger_is_stopped(file_));
  ASSERT_TRUE(stop_ledger(file_, true).ok());
  ASSERT_TRUE(stop_ledger(file_, true).ok()) << "twice does no harm";
  EXPECT_TRUE(*ledger_is_stopped(file_));
  EXPECT_EQ(ledger->join(plan_of(1), kNow)->refusal->refusal, proto::LedgerRefusal::kStopped);
  ASSERT_TRUE(stop_ledger(file_, false).ok());
  ASSERT_TRUE(stop_ledger(file_, false).ok());
  EXPECT_TRUE(ledger->join(plan_of(1), kNow)->allowed());
}

TEST(MemoryLedger, ForgetsNothingWhileItLives) {
  const auto ledger = make_memory_ledger({});
  ASSERT_TRUE(ledger->join(plan_of(1), kNow)->allowed());
  ASSERT_TRUE(ledger->charge(plan_of(1), kNow)->allowed());
  EXPECT_FALSE(ledger->look(plan_of(1), kNow)->allowed());
  EXPECT_TRUE(make_memory_ledger({})->look(plan_of(1), kNow)->allowed());
}

}  // namespace
}  // namespace sotto::client
