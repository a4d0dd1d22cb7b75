#include "sotto/proto/link_frame.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

namespace sotto::proto {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer framed(LinkKind kind, std::uint32_t call, Bytes body) {
  Buffer bytes(kLinkEncodedBytesMax);
  bytes.resize(encode_link_frame({.kind = kind, .call = call, .body = body}, bytes));
  return bytes;
}

struct Read {
  LinkKind kind;
  std::uint32_t call;
  Buffer body;
  bool operator==(const Read&) const = default;
};

std::vector<Read> read_all(LinkFrameReader& reader, Bytes bytes) {
  std::vector<Read> frames;
  for (const std::uint8_t byte : bytes) {
    if (!reader.take(byte)) continue;
    const LinkFrame& frame = reader.frame();
    frames.push_back({frame.kind, frame.call, {frame.body.begin(), frame.body.end()}});
  }
  return frames;
}

Buffer body_of(std::size_t size, unsigned step) {
  Buffer body(size);
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<std::uint8_t>(i * step);
  return body;
}

TEST(LinkFrame, HasTheChecksumOfCastagnoli) {
  EXPECT_EQ(crc32c(text_bytes("123456789")), 0xe3069283u);  // RFC 3720's check value
  EXPECT_EQ(crc32c(text_bytes("56789"), crc32c(text_bytes("1234"))), 0xe3069283u);
  EXPECT_EQ(crc32c(Buffer(32, 0)), 0x8a9136aau);  // RFC 3720, appendix B.4
}

TEST(LinkFrame, ComesBackWhateverItsBodyHolds) {
  for (const std::size_t size : {0u, 1u, 244u, 245u, 246u, 253u, 254u, 255u, 508u, 1024u, 1032u}) {
    for (const unsigned step : {0u, 1u, 3u, 128u}) {
      const Buffer body = body_of(size, step);
      const Buffer bytes = framed(LinkKind::kPiece, 0x01020300, body);
      ASSERT_FALSE(bytes.empty());
      EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0), 2) << "only the delimiters are zero";
      LinkFrameReader reader;
      EXPECT_EQ(read_all(reader, bytes), (std::vector<Read>{{LinkKind::kPiece, 0x01020300, body}}));
      EXPECT_EQ(reader.damaged(), 0u);
    }
  }
}

TEST(LinkFrame, IsNotWrittenWhenItIsTooLongOrHasNoRoom) {
  Buffer out(2 * kLinkEncodedBytesMax);
  EXPECT_EQ(encode_link_frame({.body = Buffer(kLinkBodyBytesMax + 1)}, out), 0u);
  const std::size_t size = encode_link_frame({.body = Buffer(7)}, out);
  for (std::size_t room = 0; room < size; ++room) {
    EXPECT_EQ(encode_link_frame({.body = Buffer(7)}, MutableBytes(out).first(room)), 0u);
  }
}

// Every bit of a frame, every end of it, every byte twice: never another frame, and the next one is read.
TEST(LinkFrame, DamageCostsAtMostThatFrameAndTheNext) {
  const Buffer body = body_of(40, 5);
  const Buffer sound = framed(LinkKind::kPart, 9, body);
  const Read expected{LinkKind::kPart, 9, body};
  std::vector<Buffer> damaged;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      damaged.push_back(sound);
      damaged.back()[i] = static_cast<std::uint8_t>(damaged.back()[i] ^ 1 << bit);
    }
    damaged.emplace_back(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(i));
    damaged.push_back(sound);
    damaged.back().insert(damaged.back().begin() + static_cast<std::ptrdiff_t>(i), sound[i]);
    damaged.push_back(sound);
    damaged.back().erase(damaged.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const Buffer& bytes : damaged) {
    LinkFrameReader reader;
    for (const Read& frame : read_all(reader, bytes)) EXPECT_EQ(frame, expected);  // a delimiter was hit
    const std::vector<Read> after = read_all(reader, sound);
    ASSERT_FALSE(after.empty());
    EXPECT_EQ(after.back(), expected);
  }
}

TEST(LinkFrame, WhoeverHasLittleRoomPassesOverWhatIsLarger) {
  std::array<std::uint8_t, kLinkFrameExtraBytes + 8> room;
  LinkFrameFinder finder(room);
  const auto found = [&](std::size_t bytes) {
    int frames = 0;
    for (const std::uint8_t byte : framed(LinkKind::kPart, 1, body_of(bytes, 1))) frames += finder.take(byte);
    return frames;
  };
  EXPECT_EQ(found(8), 1);
  EXPECT_EQ(found(9), 0);
  EXPECT_EQ(found(kLinkBodyBytesMax), 0);
  EXPECT_EQ(finder.damaged(), 2u);
  EXPECT_EQ(found(7), 1);
}

TEST(LinkFrame, NoiseWithoutEndTakesNoMoreThanAFrame) {
  LinkFrameReader reader;
  for (int i = 0; i < 100'000; ++i) EXPECT_FALSE(reader.take(static_cast<std::uint8_t>(1 + i % 255)));
  const Buffer sound = framed(LinkKind::kPull, 1, body_of(5, 1));
  EXPECT_EQ(read_all(reader, sound).size(), 1u);
  EXPECT_EQ(reader.damaged(), 1u);
}

}  // namespace
}  // namespace sotto::proto
