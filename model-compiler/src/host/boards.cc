#include "sotto/model_compiler/boards.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint32_t kKib = 1024;

// Sizes from the makers' data sheets.
constexpr Board kBoards[] = {
    {"BBC micro:bit v1", "nRF51822, Cortex-M0", Target::kPortable, 16 * kKib, 256 * kKib},
    {"BBC micro:bit v2", "nRF52833, Cortex-M4F", Target::kCortexMDsp, 128 * kKib, 512 * kKib},
    {"STM32 Blue Pill", "STM32F103C8, Cortex-M3", Target::kPortable, 20 * kKib, 64 * kKib},
    {"Arduino Nano 33 BLE", "nRF52840, Cortex-M4F", Target::kCortexMDsp, 256 * kKib, 1024 * kKib},
    {"Raspberry Pi Pico", "RP2040, Cortex-M0+", Target::kPortable, 264 * kKib, 2048 * kKib},
    {"Raspberry Pi Pico 2", "RP2350, Cortex-M33", Target::kCortexMDsp, 520 * kKib, 4096 * kKib},
    {"ST NUCLEO-G0B1RE", "STM32G0B1RE, Cortex-M0+", Target::kPortable, 144 * kKib, 512 * kKib},
    {"ST NUCLEO-L432KC", "STM32L432KC, Cortex-M4F", Target::kCortexMDsp, 64 * kKib, 256 * kKib},
    {"ST NUCLEO-L4R5ZI", "STM32L4R5ZI, Cortex-M4F", Target::kCortexMDsp, 640 * kKib, 2048 * kKib},
    {"ST NUCLEO-H743ZI", "STM32H743ZI, Cortex-M7", Target::kCortexMDsp, 1024 * kKib, 2048 * kKib},
    {"Alif Ensemble E3", "Cortex-M55", Target::kHelium, 4096 * kKib, 5632 * kKib},
    {"Renesas EK-RA8M1", "RA8M1, Cortex-M85", Target::kHelium, 1024 * kKib, 2016 * kKib},
};

}  // namespace

std::span<const Board> known_boards() { return kBoards; }

bool fits(const Board& board, const CompileReport& report) {
  return std::uint64_t{report.arena_bytes} + kRamReserveBytes <= board.ram_bytes &&
         std::uint64_t{report.image_bytes} + kFlashReserveBytes <= board.flash_bytes;
}

}  // namespace sotto::model_compiler
