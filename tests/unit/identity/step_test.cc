#include "sotto/identity/step.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "scratch_folder.h"
#include "support/child_process.h"
#include "support/without_standard_input.h"

namespace sotto::identity {
namespace {

class StepFile : public ScratchFolder {
 protected:
  [[nodiscard]] std::optional<Step> kept() const {
    const auto step = read_step(path("a.db"));
    EXPECT_TRUE(step.has_value()) << step.error().message();
    return step.has_value() ? *step : std::nullopt;
  }
  void keep(const Step& step) const {
    const Status status = write_step(path("a.db"), step);
    EXPECT_TRUE(status.ok()) << status.message();
  }
};

constexpr Step kFirst{.of = {1, 2, 3}, .count = 7, .epoch = 2};

TEST_F(StepFile, IsNothingWhereThereIsNoneOrAnEmptyOne) {
  EXPECT_EQ(kept(), std::nullopt);
  write("a.db.step", "");
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(StepFile, ReturnsTheNewestThatWasWritten) {
  Step step = kFirst;
  for (int i = 0; i < 5; ++i) {
    keep(step);
    EXPECT_EQ(kept(), step);
    ++step.count;
  }
  EXPECT_EQ(mode("a.db.step"), 0600u);
}

TEST_F(StepFile, IsReplacedWholeForAnotherFileAndForOneThatWasTakenBack) {
  keep(kFirst);
  Step step = kFirst;
  step.count = 8;
  keep(step);
  step.count = 3;
  keep(step);
  EXPECT_EQ(kept(), step);
  step = {.of = {9}, .count = 1};
  keep(step);
  EXPECT_EQ(kept(), step);
}

// A crash while one half is written leaves the other.
TEST_F(StepFile, WithOneHalfDamagedIsTheOther) {
  keep(kFirst);
  Step second = kFirst;
  ++second.count;
  keep(second);
  const std::string both = read("a.db.step");
  for (std::size_t offset = 0; offset < 68; ++offset) {
    std::string torn = both;
    torn[512 + offset] = static_cast<char>(torn[512 + offset] ^ 1);
    write("a.db.step", torn);
    EXPECT_EQ(kept(), kFirst) << offset;
  }
  keep(second);
  EXPECT_EQ(kept(), second);
}

TEST_F(StepFile, IsRefusedWithoutASoundHalf) {
  for (const std::string& text : {std::string("x"), std::string(1024, '\0'), std::string(4096, 'x')}) {
    write("a.db.step", text);
    const auto step = read_step(path("a.db"));
    ASSERT_FALSE(step.has_value());
    EXPECT_EQ(step.error().code(), StatusCode::kDataLoss);
    EXPECT_NE(step.error().message().find("a.db.step"), std::string::npos) << step.error().message();
    keep(kFirst);
    EXPECT_EQ(kept(), kFirst) << "whoever knows better may write it anew";
  }
}

TEST_F(StepFile, SaysWhenItCannotBeWritten) {
  EXPECT_EQ(write_step(path("absent") / "a.db", kFirst).code(), StatusCode::kIo);
  keep(kFirst);
  std::filesystem::remove(path("a.db.step"));
  std::filesystem::create_directory(path("a.db.step"));
  EXPECT_EQ(write_step(path("a.db"), kFirst).code(), StatusCode::kIo);
}

TEST_F(StepFile, SaysWhenTheDiskTakesNoMoreOfIt) {
  keep(kFirst);
  Step second = kFirst;
  ++second.count;
  EXPECT_TRUE(in_a_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit little{.rlim_cur = 512, .rlim_max = 512};  // the first half
    return ::setrlimit(RLIMIT_FSIZE, &little) == 0 &&
           write_step(path("a.db"), second).code() == StatusCode::kIo;
  }));
  EXPECT_EQ(kept(), kFirst);
}

TEST_F(StepFile, IsWrittenByAProcessWithoutStandardInput) {
  keep(kFirst);
  Step second = kFirst;
  ++second.count;
  {
    const WithoutStandardInput process;
    keep(second);
    EXPECT_TRUE(WithoutStandardInput::all_closed());
  }
  EXPECT_EQ(kept(), second);
}

}  // namespace
}  // namespace sotto::identity
