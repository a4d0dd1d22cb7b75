// The board's end of a link (PROTOCOL.md section 11.2) as a machine over spans: sends one call in parts, asks
// for the answer in pieces as large as the board has room for, repeats what is lost. The gateway speaks only
// when it was asked, so a slow line or a small board is never overrun. Freestanding.
//
//   call() -> next() -> the frames to send -> ... take() what arrives ... -> state() is kDone or kFailed
//
// Time is any clock of milliseconds that never runs backwards; it may wrap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/proto/link_frame.h"

namespace sotto::proto {

struct LinkBoardOptions {
  // Larger than at the last start, or drawn: the gateway takes calls in ascending order only, and a board
  // that starts anew says hello with it.
  std::uint32_t first_call = 1;
  std::uint16_t payload_bytes_max = kLinkPayloadBytesMax;  // kLinkPayloadBytesMin .. kLinkPayloadBytesMax
  std::uint32_t repeat_ms = 2'000;     // longer than a window of frames takes on the line, there and back
  std::uint32_t patience_ms = 90'000;  // of one call, without any progress
};

class LinkBoard {
 public:
  enum class State : std::uint8_t {
    kIdle,
    kGreeting,  // hello is out
    kSending,   // parts of the call
    kReading,   // the call is with the gateway; pieces of the answer are asked for
    kDone,      // the room is full, or holds the answer's end
    kFailed,
  };
  enum class Failure : std::uint8_t {
    kNone,
    kSilent,    // nothing came for as long as the board is patient
    kVersion,   // the gateway speaks another version of the link
    kTooLarge,  // ... takes no call as large as this
    kBusy,      // ... has no room now
    kMalformed,
    kLost,  // ... knows nothing of an answer that was read in part already
  };

  explicit LinkBoard(const LinkBoardOptions& options) : options_(options), call_(options.first_call) {}

  // Begins a call, whatever became of the last one. `message` must live until the state is kDone or kFailed,
  // and `room`, where the answer is written from its beginning, until it was read.
  void call(Bytes message, MutableBytes room, std::uint32_t now_ms);
  // In kDone: fetches what follows, or what was there before, of the same answer. The gateway keeps it until
  // the next call, so a roster can be read in as many passes as it takes.
  void read(std::uint32_t offset, MutableBytes room, std::uint32_t now_ms);
  // The line was cut or the gateway changed: the call begins again with hello.
  void reconnect(std::uint32_t now_ms);

  void take(std::uint8_t byte, std::uint32_t now_ms);
  // The next frame to send, in `out` of at least kLinkEncodedBytesMax: how long it is; 0: none now.
  [[nodiscard]] std::size_t next(MutableBytes out, std::uint32_t now_ms);
  // When next() is to be asked again even if nothing arrives. In kIdle, kDone and kFailed never: nothing.
  [[nodiscard]] std::uint32_t wake_in_ms(std::uint32_t now_ms) const;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool over() const { return state_ == State::kDone || state_ == State::kFailed; }
  [[nodiscard]] Failure failure() const { return failure_; }
  [[nodiscard]] std::uint32_t total_bytes() const { return total_; }  // of the answer, in kDone
  // In kReading and kDone: of the room, from its beginning.
  [[nodiscard]] std::uint32_t read_bytes() const { return read_; }
  [[nodiscard]] std::uint32_t damaged_frames() const { return reader_.damaged(); }

 private:
  void on_frame(const LinkFrame& frame, std::uint32_t now_ms);
  void on_welcome(Bytes body, std::uint32_t now_ms);
  void on_got(Bytes body, std::uint32_t now_ms);
  void on_piece(Bytes body, std::uint32_t now_ms);
  void on_lost(std::uint32_t now_ms);
  void on_refuse(Bytes body);
  void progress(std::uint32_t now_ms);
  void begin(std::uint32_t now_ms);
  void fail(Failure failure);
  [[nodiscard]] bool is_due(std::uint32_t now_ms) const;
  [[nodiscard]] std::size_t next_part(MutableBytes out, std::uint32_t now_ms);
  [[nodiscard]] std::size_t next_pull(MutableBytes out, std::uint32_t now_ms);
  [[nodiscard]] std::size_t say(LinkKind kind, Bytes body, MutableBytes out) const;
  [[nodiscard]] bool read_everything() const;

  const LinkBoardOptions options_;
  LinkFrameReader reader_;
  State state_ = State::kIdle;
  Failure failure_ = Failure::kNone;
  bool welcomed_ = false;
  std::uint16_t payload_bytes_ = kLinkPayloadBytesMin;  // agreed on
  std::uint8_t window_ = 1;
  std::uint32_t call_;
  Bytes message_;
  std::uint32_t sent_ = 0;  // of the message
  std::uint32_t got_ = 0;   // of it, by the gateway
  MutableBytes room_;
  std::uint32_t offset_ = 0;  // of the room in the answer
  std::uint32_t read_ = 0;
  std::uint32_t pulled_ = 0;  // how far the last pull goes
  std::uint32_t total_ = 0;   // of the answer; 0: not known yet
  bool went_back_ = false;    // once for each gap
  bool due_ = false;
  std::uint32_t restarts_ = 0;
  std::uint32_t repeat_at_ms_ = 0;
  std::uint32_t progress_at_ms_ = 0;
};

}  // namespace sotto::proto
