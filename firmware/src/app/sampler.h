// Samples that come over a line: finds frames, puts a window together where the model wants it, has it run,
// answers. Freestanding.
//
// A window that was answered is not taken again: the answer goes out once more, in case it was lost.
#pragma once

#include <array>
#include <cstdint>

#include "samples.h"

namespace sotto::board {

class SampleLine {
 public:
  // False when no byte has come; does not wait.
  [[nodiscard]] virtual bool read(std::uint8_t& byte) = 0;
  // What the board makes of a window. Nobody need listen.
  virtual void write(Bytes bytes) = 0;

 protected:
  ~SampleLine() = default;
};

class Sampler {
 public:
  // `line` must outlive this.
  explicit Sampler(SampleLine& line) : line_(line) {}

  // What Port::sample() does: takes at most kBytesAtATime bytes, so that the gateway's line is looked at.
  bool sample(WindowTaker& taker);
  [[nodiscard]] std::uint32_t damaged_frames() const { return finder_.damaged(); }

 private:
  static constexpr int kBytesAtATime = 64;
  static constexpr std::size_t kBodyBytesMax = 4 + kSamplePieceBytesMax;
  static constexpr std::size_t kAnswerBytesMax = 20;

  void on_frame(WindowTaker& taker);
  void on_piece(WindowTaker& taker, std::uint32_t number, Bytes body);
  void on_end(WindowTaker& taker, std::uint32_t number, Bytes body);
  void on_ask(const WindowTaker& taker, std::uint32_t number);
  void refuse(std::uint32_t number, SampleRefusal why);
  void say(SampleKind kind, std::uint32_t number, Bytes body);

  SampleLine& line_;
  std::array<std::uint8_t, proto::kLinkFrameExtraBytes + kBodyBytesMax> room_{};
  proto::LinkFrameFinder finder_{room_};
  std::uint32_t number_ = 0;  // of the window
  std::uint32_t got_ = 0;     // bytes of it
  bool is_answered_ = false;
  SampleAnswer answer_{};
};

}  // namespace sotto::board
