// The protobuf encoding's rules: a field is its tag and its value, fields that hold their default are left
// out, lengths and integers are base-128 varints. All fields of ExchangeRequest have numbers below 16, so a
// tag is one byte.
#include "sotto/proto/encoded_size.h"

namespace sotto::proto {
namespace {

constexpr std::uint64_t kTagBytes = 1;

std::uint64_t varint_bytes(std::uint64_t value) {
  std::uint64_t bytes = 1;
  for (; value >= 128; value >>= 7) ++bytes;
  return bytes;
}

std::uint64_t integer_field_bytes(std::uint64_t value) {
  return value == 0 ? 0 : kTagBytes + varint_bytes(value);
}

std::uint64_t bytes_field_bytes(std::uint64_t length) {
  return length == 0 ? 0 : kTagBytes + varint_bytes(length) + length;
}

}  // namespace

std::uint64_t encoded_exchange_bytes(const ExchangeRequest& request) {
  return bytes_field_bytes(request.token.value.size()) +
         integer_field_bytes(static_cast<std::uint64_t>(request.step)) +
         integer_field_bytes(request.poll ? 1 : 0) + bytes_field_bytes(request.payload.size()) +
         bytes_field_bytes(request.plan_digest ? request.plan_digest->size() : 0);
}

}  // namespace sotto::proto
