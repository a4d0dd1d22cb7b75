// Sizes by the protobuf encoding's rules; convert_test.cc compares them with what protobuf writes.
#include "sotto/proto/encoded_size.h"

#include <gtest/gtest.h>

namespace sotto::proto {
namespace {

constexpr std::uint64_t kToken = 1 + 1 + sizeof(SessionToken::value);
constexpr std::uint64_t kNumber = 1 + 1;  // of less than seven bits

ExchangeRequest request_of(Step step) {
  ExchangeRequest request;
  request.step = step;
  return request;
}

TEST(EncodedSize, HasATagALengthAndTheBytesOfEveryField) {
  ExchangeRequest request = request_of(Step::kUnmask);
  EXPECT_EQ(encoded_exchange_bytes(request), kToken + kNumber);
  request.poll = true;
  EXPECT_EQ(encoded_exchange_bytes(request), kToken + 2 * kNumber);
  request.plan_digest.emplace();
  EXPECT_EQ(encoded_exchange_bytes(request), kToken + 2 * kNumber + 1 + 1 + 32);
}

TEST(EncodedSize, OfAPayloadGrowsWithTheLengthOfItsLength) {
  const auto payload_bytes = [](std::size_t length) {
    const ExchangeRequest empty = request_of(Step::kShare);
    ExchangeRequest request = empty;
    request.payload.resize(length);
    return encoded_exchange_bytes(request) - encoded_exchange_bytes(empty);
  };
  EXPECT_EQ(payload_bytes(0), 0u);
  EXPECT_EQ(payload_bytes(1), 1u + 1u + 1u);
  EXPECT_EQ(payload_bytes(127), 1u + 1u + 127u);
  EXPECT_EQ(payload_bytes(128), 1u + 2u + 128u);
  EXPECT_EQ(payload_bytes(16'383), 1u + 2u + 16'383u);
  EXPECT_EQ(payload_bytes(16'384), 1u + 3u + 16'384u);
  EXPECT_EQ(payload_bytes(2'097'152), 1u + 4u + 2'097'152u);
}

}  // namespace
}  // namespace sotto::proto
