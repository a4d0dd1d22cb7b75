#include "sotto/base/field_codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/gadget.h"
#include "support/record_values.h"

namespace sotto {
namespace {

using testing::Gadget;

std::vector<std::uint8_t> encode(const Gadget& gadget) {
  std::vector<std::uint8_t> bytes(encoded_bytes(gadget));
  ByteWriter writer(bytes);
  FieldWriter fields(writer);
  visit_fields(gadget, fields);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.written(), bytes.size());
  return bytes;
}

struct Decoded {
  Gadget gadget;
  FieldError error;
  bool finished;
};

Decoded decode(Bytes bytes) {
  Decoded decoded{};
  ByteReader reader(bytes);
  FieldReader fields(reader);
  visit_fields(decoded.gadget, fields);
  decoded.error = fields.error();
  decoded.finished = reader.finished();
  return decoded;
}

TEST(FieldCodec, GivesBackEveryField) {
  const auto gadget = testing::distinct_values<Gadget>();
  const Decoded decoded = decode(encode(gadget));
  EXPECT_TRUE(decoded.error.ok());
  EXPECT_TRUE(decoded.finished);
  EXPECT_EQ(decoded.gadget, gadget);
}

TEST(FieldCodec, HasTheDocumentedLayout) {
  Gadget gadget;
  gadget.shape = testing::Shape::kSquare;
  gadget.smooth = true;
  gadget.low = 0x0102;
  gadget.high = 0x0a;
  gadget.share = 0.5f;
  gadget.owner.value = 7;
  gadget.digest = {1, 2, 3, 4};
  ASSERT_TRUE(gadget.payload.push_back(0xaa));
  gadget.name = "ab";
  ASSERT_TRUE(gadget.parts.push_back({.length = 9, .weight = 1}));
  gadget.sizes = {2, 0x0304};
  const std::vector<std::uint8_t> expected = {2,    1, 0x02, 0x01,                  // shape, smooth, low
                                              0x0a, 0, 0,    0,    0, 0,   0,   0,  // high
                                              0,    0, 0,    0x3f,                  // share
                                              7,    0, 0,    0,    0, 0,   0,   0,    1,
                                              2,    3, 4,                                    // owner, digest
                                              1,    0, 0xaa, 2,    0, 'a', 'b',              // payload, name
                                              1,    9, 0,    0,    0, 0,   0,   0x80, 0x3f,  // parts
                                              2,    2, 0,    0,    0, 4,   3,   0,    0};    // sizes
  EXPECT_EQ(encode(gadget), expected);
}

TEST(FieldCodec, DoesNotFinishOnAnyOtherLength) {
  std::vector<std::uint8_t> bytes = encode(testing::distinct_values<Gadget>());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(Bytes(bytes).first(size)).finished) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(decode(bytes).finished);
}

TEST(FieldCodec, RefusesWhatARecordCannotHold) {
  constexpr std::size_t kSmooth = 1;
  constexpr std::size_t kPayload = 28;
  constexpr std::size_t kParts = 28 + 2 + 2 + 6;  // of the default gadget: payload empty, name "gadget"
  std::vector<std::uint8_t> bytes = encode(Gadget{});
  bytes[kSmooth] = 2;
  EXPECT_STREQ(decode(bytes).error.field, "smooth");
  bytes = encode(Gadget{});
  ASSERT_EQ(bytes.size(), kParts + 2);
  bytes[kPayload] = 7;
  EXPECT_STREQ(decode(bytes).error.field, "payload");
  EXPECT_EQ(decode(bytes).error.whole, 7u);
  bytes = encode(Gadget{});
  bytes[kParts] = 4;
  EXPECT_STREQ(decode(bytes).error.field, "parts");
  bytes = encode(Gadget{});
  bytes[kParts + 1] = 5;
  EXPECT_STREQ(decode(bytes).error.field, "sizes");
}

TEST(FieldCodec, WritesNothingBeyondTheCallersBuffer) {
  const Gadget gadget;
  std::vector<std::uint8_t> bytes(encoded_bytes(gadget) - 1);
  ByteWriter writer(bytes);
  FieldWriter fields(writer);
  visit_fields(gadget, fields);
  EXPECT_FALSE(writer.ok());
}

}  // namespace
}  // namespace sotto
