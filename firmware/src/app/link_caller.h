// One call after the other over a board's line: encodes the call, carries it, decodes the beginning of the
// answer. In memory of its own, which a board that is at something else may use for that. Freestanding.
#pragma once

#include <array>
#include <cstdint>

#include "line_pump.h"
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
    if (!pump_line(link_, port_, frame_) || link_.total_bytes() > room_.size()) return false;
    return accepted(proto::link::decode_answer(Bytes(room_).first(link_.read_bytes()), answer));
  }

 private:
  Port& port_;
  proto::LinkBoard link_;
  std::array<std::uint8_t, MessageBytes> message_{};
  std::array<std::uint8_t, RoomBytes> room_{};
  std::array<std::uint8_t, proto::kLinkEncodedBytesMax> frame_{};
};

}  // namespace sotto::board
