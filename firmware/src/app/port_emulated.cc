// The application on an emulated board: flash in a file of the host, so that a killed emulator keeps it;
// entropy from the host; the first UART as the line to the gateway, the second one as the line of samples;
// the model in the model slot.
//
//   board_app flash=FILE rounds=N [samples=1]
//
// It prints what it does, a line each, with how deep the stack has been after each session, and returns 0
// once N of its updates have been counted.
#include <array>
#include <optional>
#include <string_view>

#include "application.h"
#include "arguments.h"
#include "board.h"
#include "check_draws.h"
#include "console.h"
#include "enrolment.h"
#include "kernels.h"
#include "painted_stack.h"
#include "profile.h"
#include "sampler.h"
#include "semihosted_flash.h"
#include "semihosting.h"
#include "serial_line.h"
#include "sotto/crypto/entropy.h"

namespace sotto::board {
namespace {

alignas(16) std::array<std::uint8_t, profile::kArenaBytes> arena_memory;

using serial_line::Line;

class SecondUart final : public SampleLine {
 public:
  [[nodiscard]] bool read(std::uint8_t& byte) override { return serial_line::read(Line::kSamples, byte); }
  void write(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) serial_line::write(Line::kSamples, byte);
  }
};
SecondUart sample_line;
std::optional<Sampler> sampler;

class EmulatedPort final : public Port {
 public:
  // `frame` is that of the caller, who has painted the stack.
  EmulatedPort(const char* flash, bool has_samples, const std::uint32_t* frame)
      : flash_(flash), has_samples_(has_samples), frame_(frame) {
    serial_line::open(Line::kGateway);
    if (!has_samples_) return;
    serial_line::open(Line::kSamples);
    sampler.emplace(sample_line);
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
      if (serial_line::read(Line::kGateway, byte)) return true;
      const std::uint32_t waited = now_ms() - from;
      if (waited >= wait_ms || (has_samples_ && serial_line::has_byte(Line::kSamples))) return false;
      serial_line::sleep(wait_ms - waited);
    }
  }
  // A wire: whether anybody listens it does not know.
  [[nodiscard]] bool write_line(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) serial_line::write(Line::kGateway, byte);
    return true;
  }
  [[nodiscard]] bool has_samples() const override { return has_samples_; }
  bool sample(WindowTaker& taker) override { return has_samples_ && sampler->sample(taker); }
  void say(const char* text, std::uint64_t number) override {
    console::line(text, " ", static_cast<std::uint32_t>(number));
    if (std::string_view(text) == "counted") {
      console::line("stack ", painted_stack::used_bytes_below(frame_));
    }
  }

 private:
  SemihostedFlash flash_;
  const bool has_samples_;
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
    sotto::console::line("usage: flash=FILE rounds=N [samples=1]");
    return 2;
  }
  sotto::painted_stack::paint();
  EmulatedPort port(flash, arguments.number("samples", 0) != 0, sotto::painted_stack::stack_pointer());
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
