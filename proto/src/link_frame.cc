#include "sotto/proto/link_frame.h"

namespace sotto::proto {
namespace {

constexpr std::uint8_t kDelimiter = 0;
constexpr std::uint8_t kLongestRun = 0xff;  // 254 bytes, and no zero after them
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kChecksumBytes = 4;

// For half a byte: 64 bytes of flash instead of a kilobyte.
constexpr std::array<std::uint32_t, 16> kCrcTable = [] {
  std::array<std::uint32_t, 16> table{};
  for (std::uint32_t i = 0; i < 16; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 4; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}();

// Consistent overhead byte stuffing (Cheshire and Baker 1999): every run begins with its length, so that no
// zero is left.
class Stuffing {
 public:
  explicit Stuffing(MutableBytes out) : out_(out) {
    raw(kDelimiter);
    begin_run();
  }
  void put(std::uint8_t byte) {
    if (byte != 0) {
      raw(byte);
      ++length_;
    }
    if (byte == 0 || length_ == kLongestRun) end_run();
  }
  void put(Bytes bytes) {
    for (const std::uint8_t byte : bytes) put(byte);
  }
  [[nodiscard]] std::size_t finish() {
    if (run_at_ < out_.size()) out_[run_at_] = length_;
    raw(kDelimiter);
    return ok_ ? at_ : 0;
  }

 private:
  void raw(std::uint8_t byte) {
    ok_ = ok_ && at_ < out_.size();
    if (ok_) out_[at_++] = byte;
  }
  void begin_run() {
    run_at_ = at_;
    length_ = 1;
    raw(kDelimiter);  // until its length is known
  }
  void end_run() {
    if (run_at_ < out_.size()) out_[run_at_] = length_;
    begin_run();
  }

  MutableBytes out_;
  std::size_t at_ = 0;
  std::size_t run_at_ = 0;
  std::uint8_t length_ = 1;
  bool ok_ = true;
};

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t crc) {
  crc = ~crc;
  for (const std::uint8_t byte : bytes) {
    crc = kCrcTable[(crc ^ byte) & 15] ^ (crc >> 4);
    crc = kCrcTable[(crc ^ (byte >> 4)) & 15] ^ (crc >> 4);
  }
  return ~crc;
}

std::size_t encode_link_frame(const LinkFrame& frame, MutableBytes out) {
  if (frame.body.size() > kLinkBodyBytesMax) return 0;
  std::array<std::uint8_t, kHeaderBytes> header{static_cast<std::uint8_t>(frame.kind)};
  store_le<std::uint32_t>(header.data() + 1, frame.call);
  std::array<std::uint8_t, kChecksumBytes> checksum{};
  store_le<std::uint32_t>(checksum.data(), crc32c(frame.body, crc32c(header)));
  Stuffing stuffing(out);
  stuffing.put(header);
  stuffing.put(frame.body);
  stuffing.put(checksum);
  return stuffing.finish();
}

bool LinkFrameFinder::take(std::uint8_t byte) {
  if (byte == kDelimiter) return end();
  if (left_ == 0) {
    if (code_ != 0 && code_ != kLongestRun) put(0);
    code_ = byte;
    left_ = static_cast<std::uint8_t>(byte - 1);
  } else {
    put(byte);
    --left_;
  }
  return false;
}

void LinkFrameFinder::put(std::uint8_t byte) {
  if (size_ == room_.size()) {
    too_long_ = true;
  } else {
    room_[size_++] = byte;
  }
}

bool LinkFrameFinder::end() {
  const std::size_t size = size_;
  const bool nothing = code_ == 0;  // between two delimiters
  const bool whole = left_ == 0 && !too_long_ && size >= kHeaderBytes + kChecksumBytes;
  restart();
  if (nothing) return false;
  const std::size_t checked = whole ? size - kChecksumBytes : 0;
  if (!whole || load_le<std::uint32_t>(room_.data() + checked) != crc32c(Bytes(room_).first(checked))) {
    ++damaged_;
    return false;
  }
  frame_ = {.kind = static_cast<LinkKind>(room_[0]),
            .call = load_le<std::uint32_t>(room_.data() + 1),
            .body = Bytes(room_).subspan(kHeaderBytes, checked - kHeaderBytes)};
  return true;
}

void LinkFrameFinder::restart() {
  size_ = 0;
  left_ = 0;
  code_ = 0;
  too_long_ = false;
}

}  // namespace sotto::proto
