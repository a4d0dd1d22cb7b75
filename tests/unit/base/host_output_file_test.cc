#include "sotto/host/output_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "support/temporary_directory.h"

namespace sotto::host {
namespace {

class HostOutputFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path at(const char* name) const { return directory_.path() / name; }
  void put(const char* name, const std::string& content) const { std::ofstream(at(name)) << content; }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream file(at(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      all.insert(entry.path().filename().string());
    }
    return all;
  }
  [[nodiscard]] mode_t mode(const char* name) const {
    struct stat found {};
    ::stat(at(name).c_str(), &found);
    return found.st_mode & 07777;
  }

  TemporaryDirectory directory_;
};

TEST_F(HostOutputFile, IsWrittenWholeAndAlone) {
  ASSERT_TRUE(write_output(at("a"), text_bytes("content"), 0640).ok());
  EXPECT_EQ(read("a"), "content");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(HostOutputFile, ReplacesAFileAndTouchesNothingElse) {
  put("a", "old");
  put("a.new", "somebody's");
  ::chmod(at("a").c_str(), 0604);
  ASSERT_TRUE(write_output(at("a"), text_bytes("new"), 0644).ok());
  EXPECT_EQ(read("a"), "new");
  EXPECT_EQ(mode("a"), 0604u) << "its owner chose it";
  EXPECT_EQ(read("a.new"), "somebody's");
}

TEST_F(HostOutputFile, GoesThroughASymbolicLink) {
  put("real", "old");
  std::filesystem::create_symlink("real", at("link"));
  ASSERT_TRUE(write_output(at("link"), text_bytes("new"), 0644).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(at("link")));
  EXPECT_EQ(read("real"), "new");
}

TEST_F(HostOutputFile, AFailureLeavesWhatWasThere) {
  put("a", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = write_output(at("a"), text_bytes("too long"), 0644);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("limit on the size"), std::string::npos) << status.message();
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(HostOutputFile, IsCheckedWithoutATrace) {
  EXPECT_TRUE(check_output(at("a")).ok());
  EXPECT_TRUE(names().empty());
  EXPECT_NE(check_output(at("none") / "a").message().find("make its folder"), std::string::npos);
  EXPECT_EQ(check_output(directory_.path()).code(), StatusCode::kIo) << "it is a folder";
  put("a", "old");
  EXPECT_TRUE(check_output(at("a")).ok());
  EXPECT_EQ(read("a"), "old");
  EXPECT_TRUE(check_output("/dev/full").ok());
  if (::geteuid() != 0) {
    std::filesystem::permissions(directory_.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    EXPECT_EQ(check_output(at("b")).code(), StatusCode::kPermissionDenied);
    std::filesystem::permissions(directory_.path(), std::filesystem::perms::owner_all);
  }
}

TEST_F(HostOutputFile, OfADeviceIsWrittenToAsItIs) {
  EXPECT_TRUE(write_output("/dev/null", text_bytes("x"), 0644).ok());
  const Status status = write_output("/dev/full", text_bytes("x"), 0644);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("/dev/full"), std::string::npos);
}

}  // namespace
}  // namespace sotto::host
