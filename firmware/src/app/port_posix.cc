// The application on this host: flash in a file, the line to the gateway a TCP connection to loopback, the
// line of samples another one, to whoever feeds the board.
//
//   board_app_posix FLASH IMAGE GATEWAY_PORT[,SAMPLES_PORT] ROUNDS [SEED DEVICE [LANES]]
//
// It prints what it does, a line each, and returns 0 once ROUNDS of its updates have been counted. With SEED
// it draws as device DEVICE (from 0) of `sotto simulate --seed SEED` does; with LANES the update of each
// round, unmasked, goes to the file LANES-ROUND.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "application.h"
#include "flash_file.h"
#include "kernels.h"
#include "replayed_draws.h"
#include "sampler.h"
#include "sotto/crypto/entropy.h"

extern "C" int sotto_board_entropy(uint8_t* out, size_t count) {
  return getrandom(out, count, 0) == static_cast<ssize_t>(count) ? 1 : 0;
}

extern "C" {
extern const sotto_kernel sotto_portable_conv_2d;
extern const sotto_kernel sotto_portable_pointwise_conv_2d;
extern const sotto_kernel sotto_portable_depthwise_conv_2d;
extern const sotto_kernel sotto_portable_fully_connected;
extern const sotto_kernel sotto_portable_average_pool_2d;
extern const sotto_kernel sotto_portable_copy;
extern const sotto_kernel sotto_portable_softmax;
}

namespace sotto {

namespace board {
namespace {

const sotto_kernel* const kList[] = {
    &sotto_portable_conv_2d,         &sotto_portable_pointwise_conv_2d, &sotto_portable_depthwise_conv_2d,
    &sotto_portable_fully_connected, &sotto_portable_average_pool_2d,   &sotto_portable_copy,
    &sotto_portable_softmax};

int connect_to(std::uint16_t port) {
  const int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (line >= 0 && connect(line, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return line;
  if (line >= 0) close(line);
  return -1;
}

// Connected again when it was cut.
class SampleConnection final : public SampleLine {
 public:
  explicit SampleConnection(std::uint16_t port) : port_(port) {}
  ~SampleConnection() { cut(); }
  SampleConnection(const SampleConnection&) = delete;
  SampleConnection& operator=(const SampleConnection&) = delete;

  [[nodiscard]] bool exists() const { return port_ != 0; }
  [[nodiscard]] int descriptor() const { return line_; }
  [[nodiscard]] bool read(std::uint8_t& byte) override {
    if (next_ == end_ && !fill()) return false;
    byte = bytes_[next_++];
    return true;
  }
  void write(Bytes bytes) override {
    if (line_ >= 0 && send(line_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) cut();
  }

 private:
  bool fill() {
    if (!exists() || (line_ < 0 && (line_ = connect_to(port_)) < 0)) return false;
    const ssize_t got = recv(line_, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) cut();
    next_ = 0;
    end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0;
  }
  void cut() {
    if (line_ >= 0) close(line_);
    line_ = -1;
  }

  const std::uint16_t port_;
  int line_ = -1;
  std::array<std::uint8_t, 512> bytes_{};
  std::size_t next_ = 0, end_ = 0;
};

struct Ports {
  std::uint16_t gateway = 0, samples = 0;
};

class PosixPort final : public Port {
 public:
  PosixPort(const char* flash, Ports ports)
      : flash_(flash), gateway_(ports.gateway), samples_(ports.samples) {}
  ~PosixPort() { cut(); }
  PosixPort(const PosixPort&) = delete;
  PosixPort& operator=(const PosixPort&) = delete;

  [[nodiscard]] bool is_open() const { return flash_.is_open(); }
  [[nodiscard]] Flash& flash() override { return flash_; }
  [[nodiscard]] Bytes mapped_flash(std::uint32_t offset, std::uint32_t bytes) override {
    mapped_.assign(bytes / sizeof(std::max_align_t) + 1, {});
    auto* const memory = reinterpret_cast<std::uint8_t*>(mapped_.data());
    return flash_.read(offset, {memory, bytes}) ? Bytes(memory, bytes) : Bytes();
  }
  [[nodiscard]] std::uint32_t now_ms() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    pollfd waiting[]{{.fd = line_, .events = POLLIN, .revents = 0},
                     {.fd = samples_.descriptor(), .events = POLLIN, .revents = 0}};
    if (poll(waiting, std::size(waiting), static_cast<int>(wait_ms)) < 1) return false;
    if (waiting[0].revents == 0) return false;
    if (recv(line_, &byte, 1, 0) == 1) return true;
    cut();
    return false;
  }
  [[nodiscard]] bool write_line(Bytes bytes) override {
    const bool is_new = line_ < 0;
    if (is_new && (line_ = connect_to(gateway_)) < 0) {
      was_cut_ = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      return true;  // as on a wire that nobody listens to: the link repeats it
    }
    if (send(line_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
      return !is_new || !was_cut_;
    }
    cut();
    return false;
  }
  [[nodiscard]] bool has_samples() const override { return samples_.exists(); }
  bool sample(WindowTaker& taker) override { return sampler_.sample(taker); }
  void say(const char* text, std::uint64_t number) override {
    std::printf("%s %llu\n", text, static_cast<unsigned long long>(number));
    std::fflush(stdout);
  }

 private:
  void cut() {
    if (line_ >= 0) close(line_);
    line_ = -1;
    was_cut_ = true;
  }

  FlashFile flash_;
  std::vector<std::max_align_t> mapped_;
  const std::uint16_t gateway_;
  SampleConnection samples_;
  Sampler sampler_{samples_};
  int line_ = -1;
  bool was_cut_ = false;
};

class TestDraws final : public ReplayedDraws {
 public:
  TestDraws(const char* seed, const char* device, const char* lanes)
      : ReplayedDraws(std::strtoull(seed, nullptr, 10), std::strtoull(device, nullptr, 10)), lanes_(lanes) {}
  void learned(RoundId round, Bytes lanes) override {
    if (lanes_ == nullptr) return;
    std::ofstream file(std::string(lanes_) + "-" + std::to_string(round.value), std::ios::binary);
    file.write(reinterpret_cast<const char*>(lanes.data()), static_cast<std::streamsize>(lanes.size()));
    SOTTO_CHECK(file.flush());
  }

 private:
  const char* const lanes_;
};

Ports ports_of(const char* text) {
  char* end = nullptr;
  Ports ports{.gateway = static_cast<std::uint16_t>(std::strtoul(text, &end, 10))};
  if (*end == ',') ports.samples = static_cast<std::uint16_t>(std::strtoul(end + 1, nullptr, 10));
  return ports;
}

int run(const char* const* arguments, Draws* draws) {
  PosixPort port(arguments[1], ports_of(arguments[3]));
  if (!port.is_open()) return std::fprintf(stderr, "cannot open %s\n", arguments[1]), 1;
  std::ifstream file(arguments[2], std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)), {});
  // Aligned as a board's model slot is.
  std::vector<std::max_align_t> slot(image.size() / sizeof(std::max_align_t) + 1);
  std::copy(image.begin(), image.end(), reinterpret_cast<char*>(slot.data()));
  alignas(16) static std::array<std::uint8_t, std::size_t{256} * 1024> arena;
  const sotto_kernel_table kernels{kList, std::size(kList)};
  for (;;) {
    const int code =
        run_application({.port = port,
                         .image = {reinterpret_cast<const std::uint8_t*>(slot.data()), image.size()},
                         .arena = arena,
                         .kernels = kernels,
                         .draws = draws},
                        static_cast<std::uint32_t>(std::atoi(arguments[4])));
    if (code != kStartAnew) return code;
    port.say("starting anew", 0);
  }
}

}  // namespace
}  // namespace board

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "check failed: %s in %s line %d\n", condition, file, line);
  std::abort();
}

}  // namespace sotto

int main(int count, char** arguments) {
  if (count == 5) return sotto::board::run(arguments, nullptr);
  if (count == 7 || count == 8) {
    sotto::board::TestDraws draws(arguments[5], arguments[6], count == 8 ? arguments[7] : nullptr);
    return sotto::board::run(arguments, &draws);
  }
  std::fprintf(stderr, "usage: %s FLASH IMAGE GATEWAY_PORT[,SAMPLES_PORT] ROUNDS [SEED DEVICE [LANES]]\n",
               arguments[0]);
  return 2;
}
