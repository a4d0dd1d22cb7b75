#include "sotto/host/input_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <string>

#include "support/temporary_directory.h"

namespace sotto::host {
namespace {

class HostInputFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path at(const char* name) const { return directory_.path() / name; }
  void put_socket(const char* name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, at(name).c_str(), sizeof address.sun_path - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(descriptor);
  }

  TemporaryDirectory directory_;
};

TEST_F(HostInputFile, IsReadInBlocksToItsEnd) {
  std::ofstream(at("f")) << "abcdef";
  auto file = InputFile::open(at("f"));
  ASSERT_TRUE(file.has_value() && file->has_value());
  std::array<std::uint8_t, 4> block{};
  EXPECT_EQ(*(*file)->read(block), 4u);
  EXPECT_EQ(bytes_text(block), "abcd");
  EXPECT_EQ(*(*file)->read(block), 2u);
  EXPECT_EQ(*(*file)->read(block), 0u);
}

TEST_F(HostInputFile, IsNothingWhereThereIsNone) {
  const auto file = InputFile::open(at("f"));
  ASSERT_TRUE(file.has_value());
  EXPECT_FALSE(file->has_value());
  EXPECT_TRUE(check_regular(at("f")).ok());
  EXPECT_TRUE(check_regular(at("f") / "below").ok());
}

TEST_F(HostInputFile, IsFollowedThroughALink) {
  std::ofstream(at("f")) << "abc";
  std::filesystem::create_symlink(at("f"), at("link"));
  EXPECT_TRUE((*InputFile::open(at("link"))).has_value());
  EXPECT_TRUE(check_regular(at("link")).ok());
}

TEST_F(HostInputFile, IsNoPipeNoFolderNoSocketAndNoDevice) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  std::filesystem::create_directory(at("folder"));
  std::filesystem::create_symlink(at("pipe"), at("link"));
  put_socket("socket");
  const std::array<std::pair<std::filesystem::path, const char*>, 5> places = {{{at("pipe"), "a pipe"},
                                                                                {at("link"), "a pipe"},
                                                                                {at("folder"), "a folder"},
                                                                                {at("socket"), "a socket"},
                                                                                {"/dev/null", "a device"}}};
  for (const auto& [place, kind] : places) {
    const auto file = InputFile::open(place);  // although nobody writes to the pipe
    EXPECT_EQ(file.status().code(), StatusCode::kIo) << place;
    EXPECT_NE(file.status().message().find(place.string() + ": it is " + kind), std::string::npos)
        << file.status().message();
    EXPECT_EQ(check_regular(place).message(), file.status().message());
  }
}

TEST_F(HostInputFile, ThatIsOpenAlreadyIsJudgedToo) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  EXPECT_EQ(check_regular(pipe[0], "audit.jsonl").code(), StatusCode::kIo);
  EXPECT_NE(check_regular(pipe[0], "audit.jsonl").message().find("audit.jsonl: it is a pipe"),
            std::string::npos);
  for (const int end : pipe) ::close(end);
  EXPECT_EQ(check_regular(-1, "audit.jsonl").code(), StatusCode::kIo);
}

}  // namespace
}  // namespace sotto::host
