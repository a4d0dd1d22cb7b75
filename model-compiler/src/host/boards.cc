#include "sotto/model_compiler/boards.h"

#include <algorithm>

namespace sotto::model_compiler {
namespace {

using enum InstructionSet;

constexpr std::uint32_t kKib = 1024;

// Cycles per instruction of the five models of MLPerf Tiny, of firmware/cycles.py: the means.
constexpr double kM0Plus = 1.30;
constexpr double kCortexM3 = 1.63;
constexpr double kCortexM4 = 1.40;
constexpr double kCortexM55 = 1.26;

// Of other processors by what their makers publish of CoreMark for each MHz, beside the core whose
// instructions are counted: Cortex-M3 3.34, M4 3.42, M33 4.02, M7 5.01, M55 4.40, M85 6.28; Xtensa LX7 of the
// ESP32-S3 2.56 and the ESP32-C3's RISC-V 2.55 (Espressif's data sheets).
constexpr double kCortexM33 = kCortexM4 * 3.42 / 4.02;
constexpr double kCortexM7 = kCortexM4 * 3.42 / 5.01;
constexpr double kCortexM85 = kCortexM55 * 4.40 / 6.28;
constexpr double kXtensaLx7 = kCortexM3 * 3.34 / 2.56;
constexpr double kEspRiscV = kCortexM3 * 3.34 / 2.55;

// Milliwatts for each MHz: microamperes by volts of the data sheets' first pages, running from flash.
constexpr double kNrf51 = 0.275 * 3.0;       // nRF51822 product specification: 4.4 mA at 16 MHz
constexpr double kNrf52 = 0.052 * 3.0;       // nRF52840 product specification: with its converter
constexpr double kStm32L432 = 0.084 * 3.0;   // DS11451
constexpr double kStm32L4R5 = 0.110 * 3.0;   // DS12023: with its linear regulator
constexpr double kStm32F411 = 0.100 * 3.0;   // DS10314: peripherals off
constexpr double kStm32U575 = 0.0195 * 3.3;  // DS13737: with its converter
constexpr double kNotStated = 0;

constexpr Target kPlain = Target::kPortable;
constexpr Target kDsp = Target::kCortexMDsp;
constexpr Target kMve = Target::kHelium;

// Sizes and clocks from the makers' data sheets.
constexpr Board kBoards[] = {
    {"microbit1", "BBC micro:bit v1", "nRF51822, Cortex-M0", kPlain, kM0, 16 * kKib, 256 * kKib, 16, kM0Plus,
     kNrf51},
    {"microbit2", "BBC micro:bit v2", "nRF52833, Cortex-M4F", kDsp, kM4, 128 * kKib, 512 * kKib, 64,
     kCortexM4, kNotStated},
    {"bluepill", "STM32 Blue Pill", "STM32F103C8, Cortex-M3", kPlain, kM3, 20 * kKib, 64 * kKib, 72,
     kCortexM3, kNotStated},
    {"blackpill", "WeAct Black Pill", "STM32F411CE, Cortex-M4F", kDsp, kM4, 128 * kKib, 512 * kKib, 100,
     kCortexM4, kStm32F411},
    {"nano33ble", "Arduino Nano 33 BLE", "nRF52840, Cortex-M4F", kDsp, kM4, 256 * kKib, 1024 * kKib, 64,
     kCortexM4, kNrf52},
    {"xiaoble", "Seeed XIAO nRF52840", "nRF52840, Cortex-M4F", kDsp, kM4, 256 * kKib, 1024 * kKib, 64,
     kCortexM4, kNrf52},
    {"pico", "Raspberry Pi Pico", "RP2040, Cortex-M0+", kPlain, kM0, 264 * kKib, 2048 * kKib, 133, kM0Plus,
     kNotStated},
    {"pico2", "Raspberry Pi Pico 2", "RP2350, Cortex-M33", kDsp, kM4, 520 * kKib, 4096 * kKib, 150,
     kCortexM33, kNotStated},
    {"nrf5340dk", "Nordic nRF5340 DK", "nRF5340, Cortex-M33", kDsp, kM4, 512 * kKib, 1024 * kKib, 128,
     kCortexM33, kNotStated},
    {"nucleog0b1", "ST NUCLEO-G0B1RE", "STM32G0B1RE, Cortex-M0+", kPlain, kM0, 144 * kKib, 512 * kKib, 64,
     kM0Plus, kNotStated},
    {"nucleol432", "ST NUCLEO-L432KC", "STM32L432KC, Cortex-M4F", kDsp, kM4, 64 * kKib, 256 * kKib, 80,
     kCortexM4, kStm32L432},
    {"nucleol4r5", "ST NUCLEO-L4R5ZI", "STM32L4R5ZI, Cortex-M4F", kDsp, kM4, 640 * kKib, 2048 * kKib, 120,
     kCortexM4, kStm32L4R5},
    {"nucleou575", "ST NUCLEO-U575ZI", "STM32U575ZI, Cortex-M33", kDsp, kM4, 786 * kKib, 2048 * kKib, 160,
     kCortexM33, kStm32U575},
    {"nucleoh743", "ST NUCLEO-H743ZI", "STM32H743ZI, Cortex-M7", kDsp, kM4, 1024 * kKib, 2048 * kKib, 480,
     kCortexM7, kNotStated},
    {"portenta", "Arduino Portenta H7", "STM32H747XI, Cortex-M7", kDsp, kM4, 1024 * kKib, 2048 * kKib, 480,
     kCortexM7, kNotStated},
    {"teensy41", "PJRC Teensy 4.1", "i.MX RT1062, Cortex-M7", kDsp, kM4, 1024 * kKib, 7936 * kKib, 600,
     kCortexM7, kNotStated},
    {"esp32s3", "Espressif ESP32-S3-DevKitC-1", "ESP32-S3, Xtensa LX7", kPlain, kM3, 512 * kKib, 8192 * kKib,
     240, kXtensaLx7, kNotStated},
    {"esp32c3", "Espressif ESP32-C3-DevKitM-1", "ESP32-C3, RISC-V", kPlain, kM3, 400 * kKib, 4096 * kKib, 160,
     kEspRiscV, kNotStated},
    {"ensemblee3", "Alif Ensemble E3", "Cortex-M55", kMve, kM55, 4096 * kKib, 5632 * kKib, 400, kCortexM55,
     kNotStated},
    {"ekra8m1", "Renesas EK-RA8M1", "RA8M1, Cortex-M85", kMve, kM55, 1024 * kKib, 2016 * kKib, 480,
     kCortexM85, kNotStated},
};

struct KernelCost {
  InstructionSet set;
  std::string_view kernel;
  double per_multiplication;
  double per_output_byte;
  double fixed;
};

constexpr KernelCost kKernelCosts[] = {
#include "kernel_costs.inc"
};

// Of a kernel without a row: a plain loop.
constexpr KernelCost kPlainLoop = {kM3, "", 6.0, 60.0, 1000.0};

double output_bytes(const OperatorReport& op) {
  double bytes = 1;
  for (const std::uint32_t dimension : op.output_shape) bytes *= dimension;
  return bytes;
}

}  // namespace

std::span<const Board> known_boards() { return kBoards; }

const Board* find_board(std::string_view key) {
  const auto found =
      std::ranges::find(kBoards, key, [](const Board& board) { return std::string_view(board.key); });
  return found == std::end(kBoards) ? nullptr : &*found;
}

bool fits(const Board& board, const CompileReport& report) {
  return std::uint64_t{report.arena_bytes} + kRamReserveBytes <= board.ram_bytes &&
         std::uint64_t{report.image_bytes} + kFlashReserveBytes <= board.flash_bytes;
}

double estimated_instructions(InstructionSet set, const OperatorReport& op) {
  const auto found = std::ranges::find_if(
      kKernelCosts, [&](const KernelCost& cost) { return cost.set == set && cost.kernel == op.kernel; });
  const KernelCost& cost = found == std::end(kKernelCosts) ? kPlainLoop : *found;
  return cost.per_multiplication * op.multiply_accumulates + cost.per_output_byte * output_bytes(op) +
         cost.fixed;
}

Estimate estimate(const Board& board, const CompileReport& report) {
  Estimate found;
  for (const OperatorReport& op : report.operators) {
    found.instructions += estimated_instructions(board.instruction_set, op);
  }
  const double cycles = found.instructions * board.cycles_per_instruction;
  found.seconds = cycles / (board.clock_mhz * 1e6);
  // Milliwatts for each MHz are nanojoules for each cycle.
  if (board.milliwatts_per_mhz > 0) found.millijoules = cycles * board.milliwatts_per_mhz * 1e-6;
  return found;
}

}  // namespace sotto::model_compiler
