// The work of a call in the board's one loop. Freestanding.
#pragma once

#include <algorithm>
#include <cstdint>

#include "port.h"
#include "sotto/proto/link_board.h"

namespace sotto::board {

// For a byte, at most: the link's timers are late by no more.
inline constexpr std::uint32_t kLineWaitMs = 50;

// Until the call is over: whether it is answered. `frame` has room for proto::kLinkEncodedBytesMax bytes.
[[nodiscard]] inline bool pump_line(proto::LinkBoard& link, Port& port, MutableBytes frame) {
  while (!link.over()) {
    const std::uint32_t now = port.now_ms();
    while (const std::size_t bytes = link.next(frame, now)) {
      if (!port.write_line(Bytes(frame).first(bytes))) link.reconnect(now);
    }
    std::uint8_t byte = 0;
    if (port.read_line(byte, std::min(kLineWaitMs, link.wake_in_ms(now)))) link.take(byte, port.now_ms());
  }
  return link.state() == proto::LinkBoard::State::kDone;
}

}  // namespace sotto::board
