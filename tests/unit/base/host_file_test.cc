#include "sotto/host/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "support/temporary_directory.h"
#include "support/without_standard_input.h"

namespace sotto::host {
namespace {

using Content = std::vector<std::uint8_t>;

// While it lives this process can write no file of more than so many bytes.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes_max) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit small{.rlim_cur = bytes_max, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

class HostFile : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] mode_t mode(const std::string& name) const {
    struct stat found {};
    EXPECT_EQ(::stat(path(name).c_str(), &found), 0) << name;
    return found.st_mode & 07777;
  }
  TemporaryDirectory folder_;
};

TEST_F(HostFile, IsReadAsItWasWrittenWithItsMode) {
  const Content content = {1, 2, 3};
  ASSERT_TRUE(write_file(path("key"), content, kSecretFile).ok());
  ASSERT_TRUE(write_file(path("note"), content, kPublicFile).ok());
  EXPECT_EQ(**read_file(path("key"), 3), content);
  EXPECT_EQ(mode("key"), 0600u);
  EXPECT_EQ(mode("note"), 0644u);
}

TEST_F(HostFile, IsThereWhateverItIsAndNotWhereNothingIs) {
  ASSERT_TRUE(write_file(path("key"), Content{1}, kSecretFile).ok());
  std::filesystem::create_symlink(path("nowhere"), path("link"));
  EXPECT_TRUE(is_there(path("key")));
  EXPECT_TRUE(is_there(path("")));
  EXPECT_FALSE(is_there(path("other")));
  EXPECT_FALSE(is_there(path("link"))) << "what it leads to is not there";
  EXPECT_FALSE(is_there(path("key") / "below"));
  EXPECT_FALSE(is_there(path(std::string(300, 'x')))) << "no file can have that name";
}

TEST_F(HostFile, IsReadIntoTheCallersMemoryWhenItFits) {
  ASSERT_TRUE(write_file(path("key"), Content{1, 2, 3}, kSecretFile).ok());
  Content exact(3), larger(5, 9), smaller(2);
  EXPECT_EQ(read_file(path("key"), MutableBytes(exact))->value(), 3u);
  EXPECT_EQ(exact, (Content{1, 2, 3}));
  EXPECT_EQ(read_file(path("key"), MutableBytes(larger))->value(), 3u);
  EXPECT_EQ(larger, (Content{1, 2, 3, 9, 9}));
  EXPECT_EQ(read_file(path("key"), MutableBytes(smaller)).error().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(read_file(path("nothing"), MutableBytes(exact))->has_value());
  EXPECT_EQ(read_file(path("."), MutableBytes(exact)).error().code(), StatusCode::kIo);
}

TEST_F(HostFile, IsReadAndWrittenWithoutStandardInputToo) {
  const WithoutStandardInput without;
  const Content content = {1, 2, 3};
  EXPECT_TRUE(write_file(path("f"), content, kSecretFile).ok());
  EXPECT_TRUE(without.all_closed());
  EXPECT_EQ(**read_file(path("f"), 3), content);
  EXPECT_TRUE(without.all_closed());
}

TEST_F(HostFile, IsReplacedAsAWhole) {
  ASSERT_TRUE(write_file(path("f"), Content(100, 7), kSecretFile).ok());
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  EXPECT_EQ(**read_file(path("f"), 100), Content{1});
  EXPECT_FALSE(std::filesystem::exists(path("f.new")));
}

TEST_F(HostFile, ThatACrashLeftBesideIsNoObstacle) {
  ASSERT_TRUE(write_file(path("f.new"), Content(10, 1), kPublicFile).ok());
  ASSERT_TRUE(write_file(path("f"), Content{2}, kSecretFile).ok());
  EXPECT_EQ(mode("f"), 0600u);
  EXPECT_EQ(**read_file(path("f"), 10), Content{2});
}

TEST_F(HostFile, IsNotWrittenThroughALinkThatSomebodyLaid) {
  ASSERT_TRUE(write_file(path("victim"), Content{9}, kSecretFile).ok());
  std::filesystem::create_symlink(path("victim"), path("f.new"));
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  EXPECT_EQ(**read_file(path("victim"), 1), Content{9});
}

TEST_F(HostFile, HasExactlyAsManyBytesAsAreAllowed) {
  ASSERT_TRUE(write_file(path("f"), Content(40'000, 5), kSecretFile).ok());
  EXPECT_EQ((**read_file(path("f"), 40'000)).size(), 40'000u);
  EXPECT_EQ(read_file(path("f"), 39'999).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(read_file(path("f"), 0).status().code(), StatusCode::kDataLoss);
}

TEST_F(HostFile, ThatIsAbsentIsNoError) {
  const auto content = read_file(path("nothing"), 1);
  ASSERT_TRUE(content.has_value());
  EXPECT_FALSE(content->has_value());
  EXPECT_TRUE(remove_file(path("nothing")).ok());
}

TEST_F(HostFile, KeepsItsContentWhenTheNewOneCannotBeWritten) {
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  std::filesystem::create_directories(path("f.new") / "in-the-way");
  const Status status = write_file(path("f"), Content{2}, kSecretFile);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("f.new"), std::string::npos);
  EXPECT_EQ(**read_file(path("f"), 1), Content{1});
}

TEST_F(HostFile, KeepsItsContentWhenTheDiskTakesOnlyAPartOfTheNewOne) {
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  Status larger, exact;
  {
    const SmallFiles disk(1000);
    larger = write_file(path("f"), Content(1500, 2), kSecretFile);
    exact = write_file(path("g"), Content(1000, 3), kSecretFile);
  }
  EXPECT_EQ(larger.code(), StatusCode::kIo);
  EXPECT_NE(larger.message().find("cannot write " + path("f.new").string()), std::string::npos)
      << larger.message();
  EXPECT_EQ(**read_file(path("f"), 1), Content{1});
  EXPECT_FALSE(std::filesystem::exists(path("f.new")));
  EXPECT_TRUE(exact.ok()) << exact.message();
  EXPECT_EQ(**read_file(path("g"), 1000), Content(1000, 3));
}

TEST_F(HostFile, ThatIsAPipeAFolderOrADeviceIsNotRead) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::filesystem::create_directory(path("folder"));
  for (const auto& [place, kind] : {std::pair{path("pipe"), "a pipe"},
                                    {path("folder"), "a folder"},
                                    {std::filesystem::path("/dev/zero"), "a device"}}) {
    const Status status = read_file(place, 3).status();  // returns although nobody writes to the pipe
    EXPECT_EQ(status.code(), StatusCode::kIo);
    EXPECT_NE(status.message().find(place.string() + ": it is " + kind), std::string::npos)
        << status.message();
    Content memory(3);
    EXPECT_EQ(read_file(place, MutableBytes(memory)).status().message(), status.message());
  }
}

TEST_F(HostFile, InAFolderThatIsAbsentIsNamed) {
  const Status status = write_file(path("none") / "f", Content{1}, kSecretFile);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("none"), std::string::npos);
}

TEST_F(HostFile, NeverReplacesAFolderOrADevice) {
  std::filesystem::create_directory(path("folder"));
  EXPECT_EQ(write_file(path("folder"), Content{1}, kPublicFile).code(), StatusCode::kIo);
  const Status status = write_file("/dev/null", Content{1}, kPublicFile);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("/dev/null"), std::string::npos);
}

TEST_F(HostFile, IsGoneAfterItsRemoval) {
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  ASSERT_TRUE(remove_file(path("f")).ok());
  EXPECT_FALSE(std::filesystem::exists(path("f")));
}

TEST_F(HostFile, AFolderIsPrivateWhateverItWasBefore) {
  ASSERT_TRUE(make_private_folder(path("a") / "b").ok());
  EXPECT_EQ(mode("a/b"), 0700u);
  for (const mode_t before : {0755, 0777, 0770, 0700, 02750}) {
    std::filesystem::create_directories(path("open"));
    ::chmod(path("open").c_str(), before);
    ASSERT_TRUE(make_private_folder(path("open")).ok());
    EXPECT_EQ(mode("open"), 0700u) << before;
  }
}

TEST_F(HostFile, AFolderOfAllUsersIsNobodysOwn) {
  std::filesystem::create_directory(path("shared"));
  ::chmod(path("shared").c_str(), 01777);
  const Status status = make_private_folder(path("shared"));
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_NE(status.message().find("name a folder below it"), std::string::npos);
  EXPECT_EQ(mode("shared"), 01777u);
}

TEST_F(HostFile, AFolderOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  std::filesystem::create_directory(path("other"));
  ASSERT_EQ(::chown(path("other").c_str(), 1, 1), 0);
  const Status status = make_private_folder(path("other"));
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_NE(status.message().find("belongs to another user (uid 1)"), std::string::npos);
}

TEST_F(HostFile, AFolderCannotBeMadeBelowAFile) {
  ASSERT_TRUE(write_file(path("f"), Content{1}, kSecretFile).ok());
  EXPECT_FALSE(make_private_folder(path("f") / "below-a-file").ok());
}

}  // namespace
}  // namespace sotto::host
