#include "rpc/peek.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>

namespace sotto::server {
namespace {

using google::protobuf::internal::WireFormatLite;

bool skip(google::protobuf::io::CodedInputStream& stream, std::uint32_t tag) {
  std::uint64_t varint = 0;
  std::uint32_t length = 0;
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      return stream.ReadVarint64(&varint);
    case WireFormatLite::WIRETYPE_FIXED64:
      return stream.Skip(8);
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
      return stream.ReadVarint32(&length) && length <= INT32_MAX && stream.Skip(static_cast<int>(length));
    case WireFormatLite::WIRETYPE_FIXED32:
      return stream.Skip(4);
    default:
      return false;  // groups: no message of ours has one
  }
}

bool read(google::protobuf::io::CodedInputStream& stream, std::size_t bytes_max,
          std::vector<std::uint8_t>& value) {
  std::uint32_t length = 0;
  if (!stream.ReadVarint32(&length) || length > bytes_max) return false;
  value.resize(length);
  return length == 0 || stream.ReadRaw(value.data(), static_cast<int>(length));
}

}  // namespace

std::optional<std::vector<std::uint8_t>> peek_bytes(const grpc::ByteBuffer& message, int field,
                                                    std::size_t bytes_max) {
  grpc::ByteBuffer copy(message);  // shares the slices
  if (!copy.Valid()) return std::nullopt;
  grpc::ProtoBufferReader slices(&copy);
  google::protobuf::io::CodedInputStream stream(&slices);
  const std::uint32_t wanted = WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  std::optional<std::vector<std::uint8_t>> found;
  for (int fields = 0; fields <= kPeekFieldsMax; ++fields) {
    const std::uint32_t tag = stream.ReadTag();
    if (tag == 0) {
      const bool whole = stream.ConsumedEntireMessage();
      return whole ? found : std::nullopt;
    }
    if (tag != wanted) {
      if (!skip(stream, tag)) return std::nullopt;
    } else if (!read(stream, bytes_max, found.emplace())) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<SessionToken> peek_token(const grpc::ByteBuffer& message, int field) {
  SessionToken token;
  const auto bytes = peek_bytes(message, field, token.value.size());
  if (!bytes || bytes->size() != token.value.size()) return std::nullopt;
  std::ranges::copy(*bytes, token.value.begin());
  return token;
}

}  // namespace sotto::server
