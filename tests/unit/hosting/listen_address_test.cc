#include "sotto/hosting/listen_address.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <utility>

#include "support/temporary_directory.h"
#include "support/without_standard_input.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;
using ::testing::HasSubstr;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) { EXPECT_GE(number, 0) << std::strerror(errno); }
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

// Somebody who listens on a free port of the loopback address.
class Listener {
 public:
  Listener() {
    sockaddr_in any{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t bytes = sizeof any;
    auto* const name = reinterpret_cast<sockaddr*>(&any);
    const int on = 1;  // as servers do
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    EXPECT_EQ(::bind(socket_.get(), name, bytes), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), name, &bytes), 0);
    name_ = any;
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(name_.sin_port)); }
  // Serves one connection, which it is the first to end: the port then remembers it for a while.
  void serve_one_and_stop() {
    Descriptor client(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name_), sizeof name_), 0);
    Descriptor(::accept(socket_.get(), nullptr, nullptr)).close();
    char end = 0;
    EXPECT_EQ(::read(client.get(), &end, 1), 0);
    client.close();
    socket_.close();
  }

 private:
  Descriptor socket_{::socket(AF_INET, SOCK_STREAM, 0)};
  sockaddr_in name_{};
};

void expect_io_error(const Status& status, const std::string& words) {
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_THAT(status.message(), HasSubstr(words));
}

TEST(ListenAddress, IsAHostAndAPort) {
  for (const char* address : {"0.0.0.0:7443", "[::1]:0", "coordinator.example:65535"}) {
    EXPECT_TRUE(check_listen_address(address).ok()) << address;
  }
  for (const char* address : {"", "7443", ":7443", "host:65536", "host:-1", "::1:7443"}) {
    for (const Status& status : {check_listen_address(address), explain_listen_failure(address)}) {
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << address;
      EXPECT_THAT(status.message(), HasSubstr("cannot listen on \"" + std::string(address) + "\": "));
    }
  }
}

TEST(ListenAddress, ThatIsFreeNeedsNoExplanation) {
  std::string address;
  {
    const Listener listener;
    address = listener.address();
  }
  for (int i = 0; i < 2; ++i) {  // trying leaves nobody behind who listens
    const Status status = explain_listen_failure(address);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_TRUE(explain_listen_failure("0.0.0.0:0").ok());
}

TEST(ListenAddress, IsFreeAlthoughItsLastConnectionHasJustEnded) {
  Listener listener;
  ASSERT_NO_FATAL_FAILURE(listener.serve_one_and_stop());
  const Status status = explain_listen_failure(listener.address());
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(ListenAddress, ThatIsTakenOrElsewhereIsExplained) {
  const Listener listener;
  expect_io_error(explain_listen_failure(listener.address()),
                  "cannot listen on " + listener.address() + ": Address already in use: stop the program");
  expect_io_error(explain_listen_failure("192.0.2.1:0"), ": this machine does not have that address");
  expect_io_error(explain_listen_failure("[fe80::1%no-such-interface]:1"),
                  ": use a name or address of this machine");
}

TEST(ListenAddress, IsNotToBlameWhenThereAreTooManyFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Status status;
  {
    Descriptor next(::dup(STDERR_FILENO));
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before.rlim_max};
    next.close();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    status = explain_listen_failure("127.0.0.1:0");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  }
  expect_io_error(status, "cannot listen on 127.0.0.1:0: Too many open files: choose another address");
}

TEST(ListenAddress, IsTriedWithoutStandardInputToo) {
  const WithoutStandardInput without;
  const Status status = explain_listen_failure("127.0.0.1:0");
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(without.all_closed());
}

class StaleSocket : public testing::Test {
 protected:
  // A socket with a name in the folder, as long as it is asked for.
  static void bind_to(const Descriptor& socket, const path& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(name.native().size(), sizeof address.sun_path);
    std::strcpy(address.sun_path, name.c_str());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  // Nobody listens on it any more.
  void leave_behind(const path& name) {
    const path brief = folder_.path() / "s";
    bind_to(Descriptor(::socket(AF_UNIX, SOCK_STREAM, 0)), brief);
    std::filesystem::rename(brief, name);
  }
  [[nodiscard]] path named(std::size_t bytes) const {
    const path prefix = folder_.path() / "";
    EXPECT_LT(prefix.native().size(), bytes) << "a shorter TMPDIR is needed";
    return prefix.native() + std::string(bytes - prefix.native().size(), 'n');
  }
  TemporaryDirectory folder_;
  const path name_ = folder_.path() / "admin.sock";
};

TEST_F(StaleSocket, ThatIsAbsentIsNoError) { EXPECT_TRUE(clear_stale_socket(name_).ok()); }

TEST_F(StaleSocket, MakesWay) {
  leave_behind(name_);
  const Status status = clear_stale_socket(name_);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_FALSE(std::filesystem::exists(name_));
}

TEST_F(StaleSocket, MakesWayWithoutStandardInputToo) {
  leave_behind(name_);
  const WithoutStandardInput without;
  EXPECT_TRUE(clear_stale_socket(name_).ok());
  EXPECT_TRUE(without.all_closed());
}

TEST_F(StaleSocket, StaysWhileSomebodyListens) {
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_NO_FATAL_FAILURE(bind_to(listener, name_));
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  expect_io_error(clear_stale_socket(name_), "another coordinator listens on " + name_.string());
  EXPECT_TRUE(std::filesystem::exists(name_));
}

TEST_F(StaleSocket, StaysWhenItCannotBeSaidWhetherSomebodyListens) {
  const Descriptor datagrams(::socket(AF_UNIX, SOCK_DGRAM, 0));
  ASSERT_NO_FATAL_FAILURE(bind_to(datagrams, name_));
  expect_io_error(clear_stale_socket(name_), "cannot replace the socket " + name_.string());
  EXPECT_TRUE(std::filesystem::exists(name_));
}

TEST_F(StaleSocket, MakesWayWithTheLongestNameThatASocketCanHave) {
  const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  leave_behind(named(longest));
  EXPECT_TRUE(clear_stale_socket(named(longest)).ok());
  EXPECT_FALSE(std::filesystem::exists(named(longest)));
  leave_behind(named(longest + 1));
  expect_io_error(clear_stale_socket(named(longest + 1)), "cannot replace the socket");
  EXPECT_TRUE(std::filesystem::exists(named(longest + 1)));
}

TEST_F(StaleSocket, IsNotWhatElseIsThere) {
  std::ofstream(name_) << "notes";
  expect_io_error(clear_stale_socket(name_), name_.string() + " is in the way");
  EXPECT_TRUE(std::filesystem::exists(name_));
  leave_behind(folder_.path() / "elsewhere");
  const path link = folder_.path() / "link";
  std::filesystem::create_symlink(folder_.path() / "elsewhere", link);
  expect_io_error(clear_stale_socket(link), "is in the way");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

TEST_F(StaleSocket, InAFolderThatIsNoneIsNamed) {
  std::ofstream(folder_.path() / "file") << "no folder";
  const path name = folder_.path() / "file" / "admin.sock";
  expect_io_error(clear_stale_socket(name), "cannot look at " + name.string());
}

}  // namespace
}  // namespace sotto::hosting
