// A board's serial line to its gateway, and sleep until a byte has come. Every write of an emulated line is a
// call of the host; a board's maker has its own driver behind the application's port (app/port.h).
#pragma once

#include <cstdint>

namespace sotto::board::serial_line {

// Once, before the others. No interrupt is taken afterwards: pending ones end a sleep.
void open();
// False when no byte has come.
[[nodiscard]] bool read(std::uint8_t& byte);
// Waits until there is room.
void write(std::uint8_t byte);
// Until a byte has come, or about `wait_ms` have passed, whichever is first; it may be less.
void sleep(std::uint32_t wait_ms);

}  // namespace sotto::board::serial_line
