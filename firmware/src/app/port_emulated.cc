// The application on an emulated board: flash in a file of the host, so that a killed emulator keeps it;
// entropy from the host; the first UART as the line to the gateway; the model in the model slot.
//
//   board_app flash=FILE rounds=N
//
// It prints what it does, a line each, with how deep the stack has been after each session, and returns 0
// once N of its updates have been counted.
#include <array>
#include <string_view>

#include "application.h"
#include "arguments.h"
#include "board.h"
#include "check_draws.h"
#include "console.h"
#include "enrolment.h"
#include "kernels.h"
#include "painted_stack.h"
#include "semihosting.h"
#include "serial_line.h"
#include "sotto/base/check.h"
#include "sotto/crypto/entropy.h"

namespace sotto::board {
namespace {

// For a model of the class of kws and 64 examples of a head of 64 x 12.
constexpr std::size_t kArenaBytes = std::size_t{26} * 1024;
alignas(16) std::array<std::uint8_t, kArenaBytes> arena_memory;

class HostFlash final : public Flash {
 public:
  static constexpr FlashGeometry kGeometry = kFlashFileGeometry;

  explicit HostFlash(const char* path) : file_(path, semihosting::Mode::kUpdate) {}

  [[nodiscard]] FlashGeometry geometry() const override { return kGeometry; }
  [[nodiscard]] bool read(std::uint32_t offset, MutableBytes out) override {
    return file_.seek(offset) && file_.read(out);
  }
  [[nodiscard]] bool program(std::uint32_t offset, Bytes words) override {
    SOTTO_CHECK(offset % kGeometry.word_bytes == 0 && words.size() % kGeometry.word_bytes == 0);
    for (std::size_t i = 0; i < words.size(); i += kGeometry.word_bytes) {
      std::array<std::uint8_t, kGeometry.word_bytes> before;
      if (!read(offset + static_cast<std::uint32_t>(i), before)) return false;
      for (const std::uint8_t byte : before) SOTTO_CHECK(byte == kErasedByte);
    }
    return file_.seek(offset) && file_.write(words);
  }
  [[nodiscard]] bool erase(std::uint32_t page) override {
    SOTTO_CHECK(page < kGeometry.pages);
    std::array<std::uint8_t, 256> erased;
    erased.fill(kErasedByte);
    bool done = file_.seek(page * kGeometry.page_bytes);
    for (std::uint32_t at = 0; at < kGeometry.page_bytes; at += erased.size()) {
      done = done && file_.write(erased);
    }
    return done;
  }

 private:
  semihosting::File file_;
};

class EmulatedPort final : public Port {
 public:
  // `frame` is that of the caller, who has painted the stack.
  EmulatedPort(const char* flash, const std::uint32_t* frame) : flash_(flash), frame_(frame) {
    serial_line::open();
  }

  [[nodiscard]] Flash& flash() override { return flash_; }
  // The emulator's memory for models stands for flash that can be read in place: a copy behind the image that
  // the board was made with.
  [[nodiscard]] Bytes mapped_flash(std::uint32_t offset, std::uint32_t bytes) override {
    const std::span<const std::uint8_t> slot = model_slot();
    if (bytes > slot.size() / 2) return {};
    auto* const memory = const_cast<std::uint8_t*>(slot.data() + slot.size() / 2 / 16 * 16);
    return flash_.read(offset, {memory, bytes}) ? Bytes(memory, bytes) : Bytes();
  }
  [[nodiscard]] std::uint32_t now_ms() override {
    const std::uint32_t ticks = counter_ticks();
    ticks_ += ticks - last_ticks_;
    last_ticks_ = ticks;
    return static_cast<std::uint32_t>(ticks_ / (kCounterHz / 1000));
  }
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    const std::uint32_t from = now_ms();
    for (;;) {
      if (serial_line::read(byte)) return true;
      const std::uint32_t waited = now_ms() - from;
      if (waited >= wait_ms) return false;
      serial_line::sleep(wait_ms - waited);
    }
  }
  // A wire: whether anybody listens it does not know.
  [[nodiscard]] bool write_line(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) serial_line::write(byte);
    return true;
  }
  void say(const char* text, std::uint64_t number) override {
    console::line(text, " ", static_cast<std::uint32_t>(number));
    if (std::string_view(text) == "counted") {
      console::line("stack ", painted_stack::used_bytes_below(frame_));
    }
  }

 private:
  HostFlash flash_;
  const std::uint32_t* const frame_;
  std::uint64_t ticks_ = 0;  // since the first call of now_ms()
  std::uint32_t last_ticks_ = counter_ticks();
};

}  // namespace
}  // namespace sotto::board

extern "C" int sotto_board_entropy(std::uint8_t* out, std::size_t count) {
  sotto::semihosting::File host("/dev/urandom", sotto::semihosting::Mode::kRead);
  return host.read({out, count}) ? 1 : 0;
}

int main() {
  using namespace sotto::board;
  const Arguments arguments;
  const char* const flash = arguments.text("flash");
  if (flash == nullptr) {
    sotto::console::line("usage: flash=FILE rounds=N");
    return 2;
  }
  sotto::painted_stack::paint();
  EmulatedPort port(flash, sotto::painted_stack::stack_pointer());
  for (;;) {
    const int code = run_application({.port = port,
                                      .image = model_slot(),
                                      .arena = arena_memory,
                                      .kernels = kKernels,
                                      .draws = check_draws(arguments)},
                                     arguments.number("rounds", 1));
    if (code != kStartAnew) return code;
    port.say("starting anew", 0);
  }
}
