#include "fleet/transcript.h"

#include <array>
#include <string>
#include <string_view>
#include <variant>

#include "sotto/proto/wire_bytes.h"

namespace sotto::simulation {
namespace {

constexpr std::string_view kLabel = "sotto transcript 1";

// Kinds of messages: requests and their replies count from here, lost calls are the last.
constexpr std::uint8_t kFirstKind = 1;
constexpr std::uint8_t kErrorKind = 0xff;

template <typename Message>
std::string encode(const Message& message) {
  return proto::wire_bytes(message);
}
std::string encode(const client::Abandoned&) { return {}; }

template <typename... Message>
std::string encode_any(const std::variant<Message...>& message) {
  return std::visit([](const auto& held) { return encode(held); }, message);
}

template <typename... Message>
std::uint8_t kind_of(const std::variant<Message...>& message) {
  return static_cast<std::uint8_t>(kFirstKind + message.index());
}

}  // namespace

void VisitTranscript::sent(const client::Request& request) {
  add(Direction::kToCoordinator, kind_of(request), text_bytes(encode_any(request)));
}

void VisitTranscript::received(const Result<client::Reply>& reply) {
  if (!reply) return add(Direction::kToDevice, kErrorKind, text_bytes(reply.error().message()));
  add(Direction::kToDevice, kind_of(*reply), text_bytes(encode_any(*reply)));
}

void VisitTranscript::add(Direction direction, std::uint8_t kind, Bytes bytes) {
  std::array<std::uint8_t, 10> head{static_cast<std::uint8_t>(direction), kind};
  store_le(head.data() + 2, std::uint64_t{bytes.size()});
  hash_.update(head);
  hash_.update(bytes);
  ++messages_;
}

VisitTranscript::Total VisitTranscript::finish() { return {.messages = messages_, .digest = hash_.finish()}; }

Transcript::Transcript() { hash_.update(text_bytes(kLabel)); }

void Transcript::add(std::uint32_t round, std::size_t device, const VisitTranscript::Total& visit) {
  std::array<std::uint8_t, 20> head;
  store_le(head.data(), round);
  store_le(head.data() + 4, std::uint64_t{device});
  store_le(head.data() + 12, visit.messages);
  hash_.update(head);
  hash_.update(visit.digest);
}

}  // namespace sotto::simulation
