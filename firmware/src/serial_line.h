// A board's serial lines, to its gateway and to whatever samples, and sleep until a byte has come. Every
// write of an emulated line is a call of the host; a board's maker has its own driver behind the
// application's port (app/port.h).
#pragma once

#include <cstdint>

namespace sotto::board::serial_line {

enum class Line : std::uint8_t { kGateway, kSamples };

// Once for each line, before its others. No interrupt is taken afterwards: pending ones end a sleep.
void open(Line line);
[[nodiscard]] bool has_byte(Line line);
// False when no byte has come.
[[nodiscard]] bool read(Line line, std::uint8_t& byte);
// Waits until there is room.
void write(Line line, std::uint8_t byte);
// Until a byte has come on a line that is open, or about `wait_ms` have passed, whichever is first; it may be
// less.
void sleep(std::uint32_t wait_ms);

}  // namespace sotto::board::serial_line
