// A field of a message that nobody has parsed yet, found without copying or allocating for the rest.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sotto/base/ids.h"

namespace sotto::server {

// The bytes field of that number at the top level of `message`: the last of them, as protobuf would take it.
// Nothing when there is none, when it has more than `bytes_max` bytes, or when the message is no protobuf or
// has more than kPeekFieldsMax fields: those of a device have fewer.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> peek_bytes(const grpc::ByteBuffer& message, int field,
                                                                  std::size_t bytes_max);
// The same, when it has as many bytes as a token.
[[nodiscard]] std::optional<SessionToken> peek_token(const grpc::ByteBuffer& message, int field);

inline constexpr int kPeekFieldsMax = 128;

}  // namespace sotto::server
