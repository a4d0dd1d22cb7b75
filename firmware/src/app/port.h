// What the application asks of a board: flash, a line to the gateway, a clock that runs since the start, a
// place for what it says and, if it has any, samples. One port is linked into an application: a board's, or a
// host's (port_posix.cc).
#pragma once

#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/flash.h"

namespace sotto::board {

class WindowTaker;  // samples.h

class Port {
 public:
  [[nodiscard]] virtual Flash& flash() = 0;
  // A part of the flash as memory that models run from, on a SOTTO_ALIGNMENT boundary, as it is at the first
  // call. Nothing from a port that has none: its board takes no updates of its model.
  [[nodiscard]] virtual Bytes mapped_flash(std::uint32_t offset, std::uint32_t bytes) {
    static_cast<void>(offset);
    static_cast<void>(bytes);
    return {};
  }
  // Milliseconds of any beginning; wraps.
  [[nodiscard]] virtual std::uint32_t now_ms() = 0;
  // The next byte that has come; waits `wait_ms` at most, and no longer than until a sample comes. False when
  // there is none.
  [[nodiscard]] virtual bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) = 0;
  // False when the line is cut: it is a new one at the next call, and the link begins anew.
  [[nodiscard]] virtual bool write_line(Bytes bytes) = 0;
  // Whether samples come to this board.
  [[nodiscard]] virtual bool has_samples() const { return false; }
  // Called whenever the application waits: takes samples that have come, for a moment and without waiting,
  // and hands over a window that is whole. Whether any had come. Of a board that is fed over a line this is
  // Sampler's work (sampler.h).
  virtual bool sample(WindowTaker&) { return false; }
  // A text for the log, without a line's end.
  virtual void say(const char* text, std::uint64_t number) = 0;

 protected:
  ~Port() = default;
};

}  // namespace sotto::board
