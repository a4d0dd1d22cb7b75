// A port of the application to copy for a new board: everything that the board's maker writes is here, each
// with what it must keep and what happens while it does nothing. It compiles and links for every core
// (firmware/CMakeLists.txt, `port_template`); a board that runs it as it is says that its flash holds no
// journal. firmware/PORTING.md goes through it in order.
#include <array>
#include <cstring>

#include "app/application.h"
#include "app/profile.h"
#include "board.h"
#include "kernels.h"
#include "sotto/base/check.h"
#include "sotto/crypto/entropy.h"

namespace sotto::board {
namespace {

alignas(SOTTO_ALIGNMENT) std::array<std::uint8_t, profile::kArenaBytes> arena_memory;

// 1. Flash for what must not be forgotten: kJournalPages pages of it, apart from code and model; behind them
// two slots for updates of the model (update/model_slots.h), if there is room.
// Here: memory that forgets, so that the template links. Yours: the flash controller.
class TemplateFlash final : public Flash {
 public:
  [[nodiscard]] FlashGeometry geometry() const override { return kGeometry; }
  [[nodiscard]] bool read(std::uint32_t offset, MutableBytes out) override {
    std::memset(out.data(), kErasedByte, out.size());  // memcpy from where the flash is mapped
    return offset + out.size() <= kGeometry.bytes();
  }
  // True once the words are in the cells; a cut of the power may tear these words and no others.
  [[nodiscard]] bool program(std::uint32_t, Bytes) override { return false; }
  [[nodiscard]] bool erase(std::uint32_t) override { return false; }

 private:
  static constexpr FlashGeometry kGeometry{.pages = 16, .page_bytes = 2048, .word_bytes = 8};
};

class TemplatePort final : public Port {
 public:
  [[nodiscard]] Flash& flash() override { return flash_; }
  // Where a part of that flash is mapped: models run from there. Nothing: the board takes no updates.
  [[nodiscard]] Bytes mapped_flash(std::uint32_t, std::uint32_t) override { return {}; }

  // 2. Milliseconds of any beginning, that wrap: SysTick, a timer, HAL_GetTick(). It is no time of day: a
  // board need not know one.
  [[nodiscard]] std::uint32_t now_ms() override { return counter_ticks() / (kCounterHz / 1000); }

  // 3. The line to the gateway. Bytes that come while nobody reads must wait in a ring of 2 KB or more,
  // filled by an interrupt or by DMA; what is lost all the same is asked for again, for time. Sleep here
  // until a byte or a sample has come, or wait_ms are over.
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    static_cast<void>(byte);
    const std::uint32_t from = now_ms();
    while (now_ms() - from < wait_ms) {
    }
    return false;
  }
  // False only when the line is another one from now on: a socket that was closed, say. A wire never is.
  [[nodiscard]] bool write_line(Bytes bytes) override {
    static_cast<void>(bytes);
    return true;
  }

  // 4. Samples, if the board has any: fill taker.window() as they come, and hand it over when it is full. A
  // board without them learns from examples in its flash.
  [[nodiscard]] bool has_samples() const override { return false; }
  bool sample(WindowTaker&) override { return false; }

  // 5. For the log; may do nothing.
  void say(const char* text, std::uint64_t number) override {
    last_said = text;
    last_number = number;
  }

  const char* last_said = "";
  std::uint64_t last_number = 0;

 private:
  TemplateFlash flash_;
};

}  // namespace
}  // namespace sotto::board

// 6. Unpredictable bytes of a generator in hardware: entropy.h says what is enough. As long as there is none
// the program stops when it needs a key, and that is right.
extern "C" int sotto_board_entropy(std::uint8_t*, std::size_t) { return 0; }

// 7. The model: an image in flash, as `sotto image compile` writes it, and the kernels that it names.
int main() {
  using namespace sotto::board;
  TemplatePort port;
  const int result = run_application(
      {.port = port, .image = model_slot(), .arena = arena_memory, .kernels = kKernels}, UINT32_MAX);
  // What went wrong, for a debugger; the exit code is for the test of this template.
  return std::strcmp(port.last_said, "the flash holds no journal") == 0 ? result : 2;
}
