// Frames between a board and its gateway (PROTOCOL.md section 11.1): a delimiter, a header, at most 1 KiB of
// a message, a checksum. Freestanding: no heap, no I/O.
//
// A frame that is damaged is skipped, and so is everything up to the next delimiter: what follows noise is
// read again after at most one frame. The checksum finds accidents and no liars.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"

namespace sotto::proto {

inline constexpr std::uint8_t kLinkVersion = 1;
inline constexpr std::size_t kLinkPayloadBytesMin = 64;
inline constexpr std::size_t kLinkPayloadBytesMax = 1024;  // of a message, in one frame
inline constexpr std::size_t kLinkWindowMax = 16;          // frames that travel before they are acknowledged
inline constexpr std::size_t kLinkBodyBytesMax = 8 + kLinkPayloadBytesMax;
// Kind, call, body, checksum.
inline constexpr std::size_t kLinkFrameExtraBytes = 1 + 4 + 4;
inline constexpr std::size_t kLinkFrameBytesMax = kLinkFrameExtraBytes + kLinkBodyBytesMax;
// With both delimiters and what keeps zeros out of it.
inline constexpr std::size_t kLinkEncodedBytesMax = kLinkFrameBytesMax + kLinkFrameBytesMax / 254 + 1 + 2;

// Numbers are the wire's.
enum class LinkKind : std::uint8_t {
  kHello = 1,  // board: it has started, or lost its gateway
  kWelcome,    // gateway: what it takes
  kPart,       // board: a piece of a call
  kGot,        // gateway: so much of the call is there
  kPull,       // board: asks for pieces of the answer
  kPiece,      // gateway: a piece of the answer
  kWait,       // gateway: the coordinator has not answered yet
  kLost,       // gateway: knows nothing of this call; the board says hello and begins it anew
  kRefuse,     // gateway: will not take this call
};
enum class LinkRefusal : std::uint8_t {
  kVersion = 1,  // another version of the link
  kTooLarge,     // the call is larger than the gateway takes
  kBusy,         // no room now: try again later
  kMalformed,    // parts that contradict one another
};

struct LinkFrame {
  LinkKind kind = LinkKind::kHello;
  std::uint32_t call = 0;
  Bytes body;
};

// CRC-32C (Castagnoli) of `bytes`, going on from `crc`, which is 0 at the beginning.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t crc = 0);

// How many bytes of `out` the frame takes; 0 when its body is longer than kLinkBodyBytesMax or `out` is too
// small (kLinkEncodedBytesMax always suffices).
[[nodiscard]] std::size_t encode_link_frame(const LinkFrame& frame, MutableBytes out);

// Finds frames in whatever arrives, byte for byte.
class LinkFrameFinder {
 public:
  // `room` is for the largest frame that is looked for, without delimiters and what keeps zeros out of it: a
  // longer one counts as damaged. Borrowed.
  explicit LinkFrameFinder(MutableBytes room) : room_(room) {}
  LinkFrameFinder(const LinkFrameFinder&) = delete;
  LinkFrameFinder& operator=(const LinkFrameFinder&) = delete;

  // True when `byte` ended a sound frame: frame() is it, until the next call.
  [[nodiscard]] bool take(std::uint8_t byte);
  [[nodiscard]] const LinkFrame& frame() const { return frame_; }
  // How many runs of bytes between delimiters were no frame.
  [[nodiscard]] std::uint32_t damaged() const { return damaged_; }

 private:
  void put(std::uint8_t byte);
  [[nodiscard]] bool end();
  void restart();

  const MutableBytes room_;
  std::size_t size_ = 0;
  std::uint8_t left_ = 0;  // of the present run
  std::uint8_t code_ = 0;  // that began it; 0: none has begun
  bool too_long_ = false;
  std::uint32_t damaged_ = 0;
  LinkFrame frame_;
};

// With room for every frame of a link.
class LinkFrameReader : public LinkFrameFinder {
 public:
  LinkFrameReader() : LinkFrameFinder(bytes_) {}

 private:
  std::array<std::uint8_t, kLinkFrameBytesMax> bytes_{};
};

}  // namespace sotto::proto
