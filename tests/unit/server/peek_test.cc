#include "rpc/peek.h"

#include <gtest/gtest.h>

#include "sotto.pb.h"

namespace sotto::server {
namespace {

using Found = std::optional<std::vector<std::uint8_t>>;

grpc::ByteBuffer in_slices(const std::string& bytes, std::size_t slice_bytes) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += slice_bytes) {
    slices.emplace_back(bytes.substr(at, slice_bytes));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}
Found peek(const std::string& bytes, int field = 1, std::size_t bytes_max = 16) {
  return peek_bytes(in_slices(bytes, 1 << 20), field, bytes_max);
}
std::vector<std::uint8_t> as_bytes(const std::string& text) { return {text.begin(), text.end()}; }

const std::string kToken = "sixteen bytes ok";

v1::ExchangeRequest exchange() {
  v1::ExchangeRequest request;
  request.set_token(kToken);
  request.set_step(3);
  request.set_payload(std::string(100'000, 'p'));
  return request;
}

TEST(Peek, FindsATokenInAMessageHoweverItIsCut) {
  const std::string bytes = exchange().SerializeAsString();
  for (const std::size_t slice :
       {std::size_t{1}, std::size_t{3}, std::size_t{17}, std::size_t{8192}, bytes.size()}) {
    const auto token = peek_token(in_slices(bytes, slice), 1);
    ASSERT_TRUE(token.has_value()) << slice;
    EXPECT_EQ(std::string(token->value.begin(), token->value.end()), kToken);
  }
}

TEST(Peek, FindsItAfterThePayloadToo) {
  v1::ExchangeRequest payload;
  payload.set_payload(std::string(100'000, 'p'));
  v1::ExchangeRequest token;
  token.set_token(kToken);
  EXPECT_EQ(peek(payload.SerializeAsString() + token.SerializeAsString()), as_bytes(kToken));
}

TEST(Peek, TakesTheLastOfSeveralAsTheParserWill) {
  v1::ExchangeRequest other;
  other.set_token("another sixteen!");
  EXPECT_EQ(peek(exchange().SerializeAsString() + other.SerializeAsString()), as_bytes("another sixteen!"));
  v1::ExchangeRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(exchange().SerializeAsString() + other.SerializeAsString()));
  EXPECT_EQ(parsed.token(), "another sixteen!");
}

TEST(Peek, SkipsEveryKindOfField) {
  // varint 2, fixed64 3, fixed32 4, bytes 5, then the token.
  const std::string before(
      "\x10\xff\xff\x03\x19"
      "12345678"
      "\x25"
      "1234"
      "\x2a\x02"
      "ab",
      22);
  EXPECT_EQ(peek(before + "\x0a\x03"
                          "abc"),
            as_bytes("abc"));
}

TEST(Peek, FindsNothingWhereThereIsNone) {
  EXPECT_EQ(peek(""), std::nullopt);
  EXPECT_EQ(peek("\x10\x01"), std::nullopt);
  EXPECT_EQ(peek("\x08\x01"), std::nullopt) << "the number of a token, but a varint";
  EXPECT_EQ(peek_token(in_slices("\x0a\x05short", 100), 1), std::nullopt);
  EXPECT_EQ(peek_bytes(grpc::ByteBuffer(), 1, 16), std::nullopt);
  EXPECT_EQ(peek(std::string("\x0a\x00", 2)), as_bytes("")) << "an empty one is one";
}

TEST(Peek, FindsNothingInWhatDoesNotDecode) {
  const std::string good(
      "\x0a\x03"
      "abc",
      5);
  for (const std::string& bad : {good + "\xff",
                                 good + "\x12\x10"
                                        "short",
                                 good + std::string("\x00", 1), good + "\x13",
                                 good + "\x12\xff\xff\xff\xff\x0f", std::string("\x0a\xff\xff\xff\xff\x0f"),
                                 std::string("\x0a\x05"
                                             "ab"),
                                 std::string("\xff\xff\xff\xff not protobuf"), std::string("\x0a")}) {
    EXPECT_EQ(peek(bad), std::nullopt) << testing::PrintToString(bad);
  }
}

TEST(Peek, IsBoundedInBytesAndFields) {
  EXPECT_EQ(peek("\x0a\x03"
                 "abc",
                 1, 3),
            as_bytes("abc"));
  EXPECT_EQ(peek("\x0a\x03"
                 "abc",
                 1, 2),
            std::nullopt);
  std::string fields;
  for (int i = 0; i < kPeekFieldsMax - 1; ++i) fields += "\x10\x01";
  EXPECT_EQ(peek(fields + "\x0a\x01"
                          "a"),
            as_bytes("a"));
  EXPECT_EQ(peek(fields + "\x10\x01"
                          "\x0a\x01"
                          "a"),
            std::nullopt);
}

}  // namespace
}  // namespace sotto::server
