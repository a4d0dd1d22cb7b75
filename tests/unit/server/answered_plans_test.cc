#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "sotto/mask_helper/mask_helper.h"
#include "sotto/server/answered_plans_file.h"
#include "sotto/server/store.h"
#include "unit/mask-helper/one_shot_fleet.h"

namespace sotto::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

crypto::Digest digest(std::uint8_t byte) {
  crypto::Digest value;
  value.fill(byte);
  return value;
}

class AnsweredPlansFile : public testing::Test {
 protected:
  AnsweredPlansFile() {
    directory_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("sotto_answered_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~AnsweredPlansFile() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::filesystem::path path() const { return directory_ / "helper.db"; }
  [[nodiscard]] std::unique_ptr<mask_helper::AnsweredPlans> open() const {
    auto plans = open_answered_plans(path());
    EXPECT_TRUE(plans.has_value()) << plans.error().message();
    return plans.has_value() ? std::move(*plans) : nullptr;
  }

  std::filesystem::path directory_;
};

TEST_F(AnsweredPlansFile, RemembersAcrossRestarts) {
  ASSERT_TRUE(create_answered_plans(path()).ok());
  {
    const auto plans = open();
    EXPECT_EQ(*plans->find(digest(1)), std::nullopt);
    EXPECT_TRUE(plans->record(digest(1), digest(2)).ok());
    EXPECT_TRUE(plans->record(digest(3), digest(4)).ok());
  }
  const auto plans = open();
  EXPECT_EQ(*plans->find(digest(1)), digest(2));
  EXPECT_EQ(*plans->find(digest(3)), digest(4));
  EXPECT_EQ(*plans->find(digest(2)), std::nullopt);
}

TEST_F(AnsweredPlansFile, KeepsTheFirstSet) {
  ASSERT_TRUE(create_answered_plans(path()).ok());
  for (const auto& plans : {open(), mask_helper::make_memory_answered_plans()}) {
    EXPECT_TRUE(plans->record(digest(1), digest(2)).ok());
    EXPECT_EQ(plans->record(digest(1), digest(3)).code(), StatusCode::kAlreadyExists);
    EXPECT_EQ(*plans->find(digest(1)), digest(2));
  }
}

TEST_F(AnsweredPlansFile, IsNeverMadeByOpening) {
  const auto missing = open_answered_plans(path());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("cannot know what it has answered"));
  EXPECT_FALSE(std::filesystem::exists(path()));
  ASSERT_TRUE(create_answered_plans(path()).ok());
  EXPECT_EQ(create_answered_plans(path()).code(), StatusCode::kAlreadyExists);
}

// What an operator does who follows the advice is safe: nothing is set back.
TEST_F(AnsweredPlansFile, ThatIsLostOrDamagedIsReplacedByAHelperWithANewKey) {
  const auto expect_advice = [&] {
    const auto opened = open_answered_plans(path());
    ASSERT_FALSE(opened.has_value());
    EXPECT_THAT(opened.error().message(), HasSubstr("make a helper with a new key"));
    for (const char* word : {"restore", "backup", "anew"}) {
      EXPECT_THAT(opened.error().message(), Not(HasSubstr(word)));
    }
  };
  expect_advice();
  std::ofstream(path()) << std::string(8192, 'x');
  expect_advice();
  std::filesystem::remove(path());
  ASSERT_TRUE(create_answered_plans(path()).ok());
  std::fstream pages(path(), std::ios::in | std::ios::out | std::ios::binary);
  pages.seekp(100);
  pages << std::string(64, '\xee');
  pages.close();
  expect_advice();
}

TEST_F(AnsweredPlansFile, IsForOneProcess) {
  ASSERT_TRUE(create_answered_plans(path()).ok());
  const auto first = open();
  EXPECT_EQ(open_answered_plans(path()).status().code(), StatusCode::kUnavailable);
}

TEST_F(AnsweredPlansFile, IsNoOtherFile) {
  ASSERT_TRUE(open_sqlite_store({.path = path()}).has_value());  // a coordinator's
  EXPECT_EQ(open_answered_plans(path()).status().code(), StatusCode::kDataLoss);
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directories(directory_);
  std::ofstream(path()) << "something else, long enough to be looked at as a database of some kind";
  EXPECT_EQ(open_answered_plans(path()).status().code(), StatusCode::kDataLoss);
}

// The coordinator asks again after the helper was restarted by a clock that was set back, once honestly and
// once not.
TEST_F(AnsweredPlansFile, LetARestartedHelperAnswerTheSameSetOnly) {
  crypto::SecretBytes<32> scalar;
  scalar.reveal_mutable()[5] = 1;
  mask_helper::OneShotFleet fleet(6, crypto::X25519PrivateKey(scalar).public_key());
  ASSERT_TRUE(create_answered_plans(path()).ok());
  InlineExecutor executor;
  const std::vector<std::uint8_t> request = fleet.request({0, 1, 2, 3, 4});
  for (const bool restarted : {false, true}) {
    const auto plans = open();
    mask_helper::MaskHelper helper(crypto::X25519PrivateKey(scalar), {.authority = fleet.authority()}, *plans,
                                   Time{-1});
    if (restarted) {
      const auto second = helper.answer(fleet.request({0, 1, 2, 3}), Time{1000}, executor);
      ASSERT_TRUE(second.has_value());
      EXPECT_THAT(std::get<proto::HelperRefusal>(*second).reason, HasSubstr("another set of devices"));
    }
    const auto reply = helper.answer(request, Time{1000}, executor);
    ASSERT_TRUE(reply.has_value());
    EXPECT_TRUE(std::get<proto::MaskSum>(*reply).ring == fleet.sum_of_masks({0, 1, 2, 3, 4}));
  }
}

}  // namespace
}  // namespace sotto::server
