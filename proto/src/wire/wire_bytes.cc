#include "sotto/proto/wire_bytes.h"

#include "sotto/base/check.h"
#include "sotto/proto/convert.h"

namespace sotto::proto {
namespace {

// Protobuf writes fields in the order of their numbers and the schema has no maps: the encoding is canonical.
template <typename Wire, typename Message>
std::string encode(const Message& message) {
  Wire wire;
  to_wire(message, wire);
  std::string bytes;
  SOTTO_CHECK(wire.SerializeToString(&bytes));
  return bytes;
}

}  // namespace

std::string wire_bytes(const CheckInRequest& message) { return encode<v1::CheckInRequest>(message); }
std::string wire_bytes(const CheckInReply& message) { return encode<v1::CheckInReply>(message); }
std::string wire_bytes(const FetchModelRequest& message) { return encode<v1::FetchModelRequest>(message); }
std::string wire_bytes(const ModelChunk& message) { return encode<v1::ModelChunk>(message); }
std::string wire_bytes(const ExchangeRequest& message) { return encode<v1::ExchangeRequest>(message); }
std::string wire_bytes(const ExchangeReply& message) { return encode<v1::ExchangeReply>(message); }
std::string wire_bytes(const AbandonRequest& message) { return encode<v1::AbandonRequest>(message); }
std::string wire_bytes(const OfferUpdateRequest& message) { return encode<v1::OfferUpdateRequest>(message); }
std::string wire_bytes(const OfferUpdateReply& message) { return encode<v1::OfferUpdateReply>(message); }
std::string wire_bytes(const FetchUpdateRequest& message) { return encode<v1::FetchUpdateRequest>(message); }

}  // namespace sotto::proto
