// One call after the other over a board's line: encodes the call, carries it, decodes the beginning of the
// answer. In memory of its own, which a board that is at something else may use for that. Freestanding.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "port.h"
#include "sotto/proto/link_board.h"
#include "sotto/proto/link_message.h"

namespace sotto::board {

template <std::size_t MessageBytes, std::size_t RoomBytes>
class LinkCaller {
 public:
  LinkCaller(Port& port, std::uint32_t first_call) : port_(port), link_({.first_call = first_call}) {}

  // The answer borrows from the room until the next call. False: there is none, or it is no answer, or one
  // that does not fit.
  [[nodiscard]] bool carry(const proto::link::Call& call, proto::link::Answer& answer) {
    ByteWriter out(message_);
    if (!proto::link::encode(call, out)) return false;
    link_.call(Bytes(message_).first(out.written()), room_, port_.now_ms());
    if (!pump() || link_.total_bytes() > room_.size()) return false;
    return accepted(proto::link::decode_answer(Bytes(room_).first(link_.read_bytes()), answer));
  }

 private:
  static constexpr std::uint32_t kWaitMs = 50;  // for a byte, at most: the link's timers are late by no more

  [[nodiscard]] bool pump() {
    while (!link_.over()) {
      const std::uint32_t now = port_.now_ms();
      while (const std::size_t bytes = link_.next(frame_, now)) {
        if (!port_.write_line(Bytes(frame_).first(bytes))) link_.reconnect(now);
      }
      std::uint8_t byte = 0;
      if (port_.read_line(byte, std::min(kWaitMs, link_.wake_in_ms(now)))) link_.take(byte, port_.now_ms());
    }
    return link_.state() == proto::LinkBoard::State::kDone;
  }

  Port& port_;
  proto::LinkBoard link_;
  std::array<std::uint8_t, MessageBytes> message_{};
  std::array<std::uint8_t, RoomBytes> room_{};
  std::array<std::uint8_t, proto::kLinkEncodedBytesMax> frame_{};
};

}  // namespace sotto::board
