// The record of acts: whole, chained, private, and honest about what was done to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sotto/server/audit.h"
#include "sotto/server/store_messages.h"
#include "store_samples.h"
#include "support/temporary_directory.h"

namespace sotto::server {
namespace {

using ::testing::HasSubstr;

Act act(const std::string& what) {
  return {.time_ms = 1'700'000'000'000,
          .who = "uid 7",
          .what = what,
          .subject = "gait",
          .reason = "be\"cause\n",
          .changes = {{"rounds", "3", "5"}}};
}

class AuditFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<AuditLog> open() {
    auto log = open_audit_file(path_);
    EXPECT_TRUE(log.has_value()) << log.status().message();
    return log ? std::move(*log) : nullptr;
  }
  void write(int lines) {
    const auto log = open();
    for (int i = 1; i <= lines; ++i) ASSERT_TRUE(log->append(act("act " + std::to_string(i))).ok());
  }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void set_content(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  void replace(const std::string& from, const std::string& to) {
    std::string text = content();
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    set_content(text.replace(at, from.size(), to));
  }
  std::string problem() const {
    const auto lines = verify_audit_file(path_, 10);
    return lines ? "" : lines.status().message();
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = audit_file(directory_.path());
};

// As whoever rotates logs does it.
TEST_F(AuditFileTest, RecordsNothingInAFileThatWasMoved) {
  const auto log = open();
  ASSERT_TRUE(log->append(act("first")).ok());
  const std::filesystem::path moved = path_.string() + ".1";
  std::filesystem::rename(path_, moved);
  EXPECT_THAT(log->append(act("lost")).message(), HasSubstr("moved or replaced"));
  std::ofstream(path_) << "another";
  EXPECT_FALSE(log->append(act("lost")).ok());
  std::filesystem::rename(moved, path_);
  EXPECT_TRUE(log->append(act("second")).ok());
  EXPECT_THAT(content(), ::testing::AllOf(HasSubstr("second"), ::testing::Not(HasSubstr("lost"))));
}

TEST_F(AuditFileTest, IsPrivateAndKeepsWhoDidWhatAndWhy) {
  write(1);
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_EQ(content(),
            "{\"line\":1,\"time\":\"2023-11-14T22:13:20Z\",\"who\":\"uid 7\",\"what\":\"act 1\","
            "\"subject\":\"gait\",\"reason\":\"be\\\"cause\\n\",\"changes\":[{\"key\":\"rounds\","
            "\"from\":\"3\",\"to\":\"5\"}],\"previous\":\"" +
                std::string(64, '0') + "\"}\n");
}

TEST_F(AuditFileTest, GoesOnOverRestarts) {
  write(2);
  write(3);
  const auto lines = verify_audit_file(path_, 2);
  ASSERT_TRUE(lines.has_value()) << lines.status().message();
  EXPECT_EQ(lines->count, 5u);
  ASSERT_EQ(lines->last.size(), 2u);
  EXPECT_THAT(lines->last[0], HasSubstr("\"line\":4"));
  EXPECT_THAT(lines->last[1], HasSubstr("act 3"));
}

TEST_F(AuditFileTest, NamesTheLineThatWasChanged) {
  write(3);
  replace("act 2", "act 9");
  EXPECT_THAT(problem(), HasSubstr("line 3: its 'previous' is not the SHA-256 of the line before: line 2"));
}

TEST_F(AuditFileTest, NamesTheLineBeforeWhichOneIsMissing) {
  write(3);
  std::string text = content();
  const std::size_t first = text.find('\n') + 1;
  const std::size_t second = text.find('\n', first) + 1;
  set_content(text.substr(0, first) + text.substr(second));
  EXPECT_THAT(problem(), HasSubstr("line 2: it says that it is line 3"));
  set_content(text.substr(first));
  EXPECT_THAT(problem(), HasSubstr("line 1: it says that it is line 2"));
}

TEST_F(AuditFileTest, NamesWhatIsNoLine) {
  write(1);
  set_content(content() + "{}\n");
  EXPECT_THAT(problem(), HasSubstr("line 2: it is no line"));
  EXPECT_EQ(open_audit_file(path_).status().code(), StatusCode::kDataLoss);
  set_content(std::string(300'000, 'x'));
  EXPECT_EQ(open_audit_file(path_).status().code(), StatusCode::kDataLoss);
}

// A crash in the middle of a line: its act was never carried out.
TEST_F(AuditFileTest, CutsOffHalfALineAtEveryLength) {
  write(2);
  const std::string whole = content();
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t size = first + 1; size < whole.size(); size += 7) {
    set_content(whole.substr(0, size));
    EXPECT_THAT(problem(), HasSubstr("line 2: it is cut off"));
    write(1);
    const auto lines = verify_audit_file(path_, 1);
    ASSERT_TRUE(lines.has_value()) << size << ": " << lines.status().message();
    EXPECT_EQ(lines->count, 2u);
  }
}

TEST_F(AuditFileTest, AFullDiskAddsNothing) {
  const auto log = open();
  ASSERT_TRUE(log->append(act("act 1")).ok());
  const std::string before = content();
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{before.size() + 20, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const Status refused = log->append(act("act 2"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, previous);
  EXPECT_EQ(refused.code(), StatusCode::kIo);
  EXPECT_THAT(refused.message(), HasSubstr("nothing was done"));
  EXPECT_EQ(content(), before);
  ASSERT_TRUE(log->append(act("act 3")).ok());
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditFileTest, IsNoLinkToSomewhereElse) {
  std::filesystem::create_symlink(directory_.path() / "elsewhere", path_);
  EXPECT_NE(open_audit_file(path_).status().code(), StatusCode::kOk);
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "elsewhere"));
}

TEST_F(AuditFileTest, ThereIsNoneBeforeTheFirstCoordinator) {
  EXPECT_EQ(verify_audit_file(path_, 1).status().code(), StatusCode::kNotFound);
}

// A limit on the size of files stands for a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

TEST_F(AuditFileTest, AnActIsRefusedWhenThereIsNoRoomForTheLineThatSaysItFailed) {
  const auto log = open();
  ASSERT_TRUE(log->append(act("first")).ok());
  const std::string before = content();
  {
    const FullDisk room_for_one_line(before.size() + 1000);
    const Status refused = log->append(act("second"));
    EXPECT_EQ(refused.code(), StatusCode::kIo);
    EXPECT_THAT(refused.message(), HasSubstr("nothing was done"));
  }
  EXPECT_EQ(content(), before);
  EXPECT_TRUE(log->append(act("second")).ok());
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditFileTest, AFailureThatFoundNoRoomStandsBeforeTheNextAct) {
  const auto log = open();
  ASSERT_TRUE(log->append(act("first")).ok());
  {
    const FullDisk full(content().size());
    log->append_failure(act("first"), "the disk is full");
    EXPECT_FALSE(log->append(act("second")).ok()) << "not before the failure is on record";
  }
  ASSERT_TRUE(log->append(act("second")).ok());
  const auto lines = verify_audit_file(path_, 3);
  ASSERT_EQ(lines->count, 3u);
  EXPECT_THAT(lines->last[1],
              ::testing::AllOf(HasSubstr("\"failed\""), HasSubstr("first: the disk is full")));
  EXPECT_THAT(lines->last[2], HasSubstr("second"));
}

TEST_F(AuditFileTest, AFailureHasAReasonOfBoundedLength) {
  const auto log = open();
  ASSERT_TRUE(log->append(act("first")).ok());
  const std::size_t before = content().size();
  log->append_failure(act("first"), std::string(100'000, '\x01'));
  EXPECT_LT(content().size(), before + 8 * 1024);
  EXPECT_EQ(problem(), "");
}

TEST_F(AuditFileTest, AnActThatACrashPreventedIsSaidToHaveFailedAtTheNextStart) {
  auto log = open();
  ASSERT_TRUE(log->append(act("done")).ok());
  const crypto::Digest done = log->head();
  EXPECT_TRUE(settle_audit_file(path_, *log, done, 1'700'000'000'000).ok());
  EXPECT_EQ(verify_audit_file(path_, 1)->count, 1u) << "what was done is not said to have failed";
  ASSERT_TRUE(log->append(act("prevented")).ok());
  log = open();
  ASSERT_TRUE(settle_audit_file(path_, *log, done, 1'700'000'000'000).ok());
  const auto lines = verify_audit_file(path_, 1);
  ASSERT_EQ(lines->count, 3u);
  EXPECT_THAT(lines->last[0],
              ::testing::AllOf(HasSubstr("\"failed\""), HasSubstr("prevented: the coordinator")));
  log = open();
  ASSERT_TRUE(settle_audit_file(path_, *log, done, 1'700'000'000'000).ok());
  EXPECT_EQ(verify_audit_file(path_, 1)->count, 3u) << "once";
}

TEST_F(AuditFileTest, OfALogThatDoesNotKnowTheLastActNothingIsSaid) {
  write(2);
  const auto log = open();
  EXPECT_TRUE(settle_audit_file(path_, *log, crypto::sha256({text_bytes("another")}), 0).ok());
  EXPECT_EQ(verify_audit_file(path_, 1)->count, 2u);
}

// ---- acts on a store ----

class RefusingLog final : public AuditLog {
 public:
  Status append(const Act& act) override {
    acts.push_back(act);
    return refuses ? io_error("full") : Status();
  }
  void append_failure(const Act& act, const std::string& why) override {
    acts.push_back({.what = "failed", .reason = act.what + ": " + why});
  }
  [[nodiscard]] crypto::Digest head() const override { return {}; }

  bool refuses = false;
  std::vector<Act> acts;
};

TEST(AnswerAct, IsRecordedFirstAndNotCarriedOutWithout) {
  const auto store = make_memory_store();
  RefusingLog log;
  log.refuses = true;
  const StoreRequest create = CreateTaskRequest{testing::sample_spec("gait"), testing::sample_model(0)};
  EXPECT_EQ(std::get<Status>(answer_act({*store}, log, create, act("create task"))).code(), StatusCode::kIo);
  EXPECT_TRUE(store->load_tasks()->empty());
  log.refuses = false;
  EXPECT_TRUE(std::holds_alternative<TaskId>(answer_act({*store}, log, create, act("create task"))));
  EXPECT_EQ(log.acts.size(), 2u);
}

TEST(AnswerAct, SaysWhenAnActCameToNothing) {
  const auto store = make_memory_store();
  RefusingLog log;
  const StoreRequest pause = SetTaskStateRequest{TaskId{9}, proto::TaskState::kPaused};
  EXPECT_EQ(std::get<Status>(answer_act({*store}, log, pause, act("pause task"))).code(),
            StatusCode::kNotFound);
  ASSERT_EQ(log.acts.size(), 2u);
  EXPECT_EQ(log.acts[1].what, "failed");
  EXPECT_THAT(log.acts[1].reason, HasSubstr("pause task: there is no task"));
}

TEST(AnswerAct, AStoreRemembersTheLastActThatWasCarriedOut) {
  const TemporaryDirectory folder;
  const auto store = std::move(*open_sqlite_store({.path = folder.path() / "sotto.db"}));
  const auto log = std::move(*open_audit_file(audit_file(folder.path())));
  const auto remembered = [&] { return store->neighbours()->at(kAuditNeighbour); };
  const StoreRequest create = CreateTaskRequest{testing::sample_spec("gait"), testing::sample_model(0)};
  ASSERT_TRUE(std::holds_alternative<TaskId>(answer_act({*store}, *log, create, act("create task"))));
  const crypto::Digest created = log->head();
  EXPECT_EQ(remembered(), created);
  const StoreRequest pause = SetTaskStateRequest{TaskId{9}, proto::TaskState::kPaused};
  EXPECT_FALSE(std::get<Status>(answer_act({*store}, *log, pause, act("pause task"))).ok());
  EXPECT_NE(log->head(), created);
  ASSERT_TRUE(store->raise_epoch().ok());
  EXPECT_EQ(remembered(), created) << "neither what failed nor what was no act";
  EXPECT_TRUE(std::get<Status>(answer_act({*store}, *log, NoteActRequest{}, act("abort round"))).ok());
  EXPECT_EQ(remembered(), log->head());
}

}  // namespace
}  // namespace sotto::server
