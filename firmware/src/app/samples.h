// The line that samples come on (firmware/README.md, "Samples"): windows of the model's input in pieces, in
// frames as those of a link. What is lost or damaged costs its window, and the next one is read again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/proto/link_frame.h"

namespace sotto::board {

inline constexpr std::size_t kSamplePieceBytesMax = 256;
inline constexpr std::uint16_t kNoLabel = 0xffff;

// Kinds of frames, apart from those of a link. The frame's call is the window's number; a feeder draws the
// first one, and each window has another than the one before.
enum class SampleKind : std::uint8_t {
  kAsk = 32,  // feeder: what does the model take?
  kPiece,     // feeder: offset u32, 1 .. kSamplePieceBytesMax bytes; in order, the first one's offset is 0
  kEnd,       // feeder: the window is whole; its label u8, or nothing
  kTakes,     // board: bytes of a window u32, features u32, classes u32, scale f32, zero point i32
  kAnswer,    // board: label u16 or kNoLabel, confidence in thousandths u16, marks u8
  kRefuse,    // board: SampleRefusal u8, how many bytes of the window are there u32
};
enum class SampleRefusal : std::uint8_t {
  kIncomplete = 1,  // pieces are missing: the window begins again
  kLabel,           // no class of the model
  kFailed,          // the model did not run
};

// Marks of an answer.
inline constexpr std::uint8_t kUnsure = 1;   // the label is the fail-safe one, or there is none
inline constexpr std::uint8_t kStrange = 2;  // features unlike those that were learned from
inline constexpr std::uint8_t kLearned = 4;  // the labelled window was shown to the replay
inline constexpr std::uint8_t kHeldOut = 8;  // ... or is held out, to judge what is learned

struct SampleAnswer {
  std::uint16_t label = kNoLabel;
  std::uint16_t confidence = 0;  // thousandths
  std::uint8_t marks = 0;
};

struct WindowForm {
  std::uint32_t bytes = 0;
  std::uint32_t features = 0;
  std::uint32_t classes = 0;
  float scale = 0;
  std::int32_t zero_point = 0;
};

// Whoever runs a model on windows.
class WindowTaker {
 public:
  [[nodiscard]] virtual WindowForm form() const = 0;
  // Where a window goes, form().bytes.
  [[nodiscard]] virtual MutableBytes window() = 0;
  // Runs the model on it, and keeps what it makes of it if there is a label. False, with a reason, when
  // nothing was kept or answered.
  [[nodiscard]] virtual bool take_window(const std::uint8_t* label, SampleAnswer& answer,
                                         SampleRefusal& why) = 0;

 protected:
  ~WindowTaker() = default;
};

}  // namespace sotto::board
