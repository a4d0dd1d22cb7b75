#include "sotto/client/gateway.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "link_reply.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::client {
namespace {

using proto::LinkFrame;
using proto::LinkKind;
using proto::LinkRefusal;

// `newer` was numbered after `older`; numbers wrap.
bool is_after(std::uint32_t newer, std::uint32_t older) {
  return static_cast<std::int32_t>(newer - older) > 0;
}

std::array<std::uint8_t, 4> le32(std::uint32_t value) {
  std::array<std::uint8_t, 4> bytes;
  store_le(bytes.data(), value);
  return bytes;
}

}  // namespace

struct Gateway::Link {
  enum class State : std::uint8_t {
    kEmpty,       // no call
    kCollecting,  // its parts arrive
    kQueued,      // it is whole, and waits for its turn
    kCalling,
    kAnswered,  // the answer is here until the next call
  };

  LinkId id = 0;
  proto::LinkFrameReader reader;
  bool spoken = false;
  bool welcomed = false;
  std::uint16_t payload_bytes = proto::kLinkPayloadBytesMin;
  State state = State::kEmpty;
  std::uint32_t call = 0;             // the board's number
  std::uint32_t total = 0;            // bytes of it
  std::vector<std::uint8_t> message;  // the call's bytes, then its answer's
  std::optional<Request> request;
  std::uint64_t number = 0;  // ours, at the coordinator
  // What the board has asked for; count 0: nothing that is still to come.
  std::uint32_t pull_offset = 0;
  std::uint8_t pull_count = 0;
  bool fetched = false;  // the answer's end has gone to the board

  void say(LinkKind kind, std::uint32_t call_number, Bytes body, Actions& actions) const {
    std::vector<std::uint8_t> bytes(proto::kLinkEncodedBytesMax);
    bytes.resize(proto::encode_link_frame({.kind = kind, .call = call_number, .body = body}, bytes));
    if (!actions.empty()) {
      if (auto* last = std::get_if<Send>(&actions.back()); last != nullptr && last->link == id) {
        last->bytes.insert(last->bytes.end(), bytes.begin(), bytes.end());
        return;
      }
    }
    actions.push_back(Send{id, std::move(bytes)});
  }
  void say_got(Actions& actions) const {
    say(LinkKind::kGot, call, le32(static_cast<std::uint32_t>(message.size())), actions);
  }
};

Gateway::Gateway(const GatewayLimits& limits) : limits_(limits) {
  SOTTO_CHECK(limits.payload_bytes_max >= proto::kLinkPayloadBytesMin &&
              limits.payload_bytes_max <= proto::kLinkPayloadBytesMax);
  SOTTO_CHECK(limits.window >= 1 && limits.window <= proto::kLinkWindowMax && limits.calls_max >= 1);
  SOTTO_CHECK(limits.message_bytes_max <= limits::kMessageBytesMax);
}
Gateway::~Gateway() = default;

bool Gateway::open(LinkId id) {
  if (links_.size() >= limits_.links_max) return false;
  auto link = std::make_unique<Link>();
  link->id = id;
  const bool added = links_.emplace(id, std::move(link)).second;
  SOTTO_CHECK(added);
  return true;
}

Gateway::Actions Gateway::close(LinkId id) {
  Actions actions;
  const auto found = links_.find(id);
  if (found == links_.end()) return actions;
  forget(*found->second, actions);
  counts_.damaged += found->second->reader.damaged();
  links_.erase(found);
  dispatch(actions);
  return actions;
}

Gateway::Actions Gateway::received(LinkId id, Bytes bytes) {
  Actions actions;
  const auto found = links_.find(id);
  if (found == links_.end()) return actions;
  Link& link = *found->second;
  for (const std::uint8_t byte : bytes) {
    if (link.reader.take(byte)) on_frame(link, link.reader.frame(), actions);
  }
  dispatch(actions);
  return actions;
}

void Gateway::on_frame(Link& link, const LinkFrame& frame, Actions& actions) {
  link.spoken = true;
  switch (frame.kind) {
    case LinkKind::kHello:
      return on_hello(link, frame, actions);
    case LinkKind::kPart:
      return on_part(link, frame, actions);
    case LinkKind::kPull:
      return on_pull(link, frame, actions);
    default:
      return;  // an echo of the gateway's own, or a later version's
  }
}

// The board has started, or believes that its gateway has: nothing of before is worth anything to it.
void Gateway::on_hello(Link& link, const LinkFrame& frame, Actions& actions) {
  ByteReader in(frame.body);
  const std::uint8_t version = in.u8();
  const std::uint16_t payload_bytes = in.u16();
  if (version != proto::kLinkVersion) return refuse(link, frame.call, LinkRefusal::kVersion, actions);
  if (!in.finished() || payload_bytes < proto::kLinkPayloadBytesMin) {
    return refuse(link, frame.call, LinkRefusal::kMalformed, actions);
  }
  forget(link, actions);
  link.welcomed = true;
  link.payload_bytes = std::min(payload_bytes, limits_.payload_bytes_max);
  link.call = frame.call - 1;
  std::array<std::uint8_t, 8> body{proto::kLinkVersion};
  store_le<std::uint16_t>(body.data() + 1, link.payload_bytes);
  body[3] = limits_.window;
  store_le<std::uint32_t>(body.data() + 4, static_cast<std::uint32_t>(limits_.message_bytes_max));
  link.say(LinkKind::kWelcome, frame.call, body, actions);
}

void Gateway::on_part(Link& link, const LinkFrame& frame, Actions& actions) {
  ByteReader in(frame.body);
  const std::uint32_t total = in.u32();
  const std::uint32_t offset = in.u32();
  const Bytes bytes = in.bytes(in.remaining());
  if (!link.welcomed) return link.say(LinkKind::kLost, frame.call, {}, actions);
  if (frame.call != link.call) {
    // Of the past, and then nobody listens; or of a board that a forged number has left behind.
    if (!is_after(frame.call, link.call)) return link.say(LinkKind::kLost, frame.call, {}, actions);
    if (offset != 0) return link.say(LinkKind::kGot, frame.call, le32(0), actions);
    if (draining_) return refuse(link, frame.call, LinkRefusal::kBusy, actions);
    if (total > limits_.message_bytes_max) return refuse(link, frame.call, LinkRefusal::kTooLarge, actions);
    forget(link, actions);
    link.call = frame.call;
    link.total = total;
    link.state = Link::State::kCollecting;
  }
  if (link.state == Link::State::kEmpty) return link.say(LinkKind::kLost, frame.call, {}, actions);
  if (link.state != Link::State::kCollecting) {  // whole already: this part is one too many
    return link.say(LinkKind::kGot, frame.call, le32(link.total), actions);
  }
  if (!in.ok() || total != link.total || bytes.empty() || offset > total || bytes.size() > total - offset) {
    forget(link, actions);
    return refuse(link, frame.call, LinkRefusal::kMalformed, actions);
  }
  if (offset != link.message.size()) return link.say_got(actions);
  collect(link, bytes, actions);
}

void Gateway::collect(Link& link, Bytes bytes, Actions& actions) {
  if (!has_room(bytes.size())) {
    const std::uint32_t call = link.call;
    forget(link, actions);
    return refuse(link, call, LinkRefusal::kBusy, actions);
  }
  held_bytes_ += bytes.size();
  link.message.insert(link.message.end(), bytes.begin(), bytes.end());
  link.say_got(actions);
  if (link.message.size() == link.total) hand_over(link, actions);
}

// Bytes are held as long as the coordinator has the call; afterwards they are the answer's.
void Gateway::hand_over(Link& link, Actions& actions) {
  Result<Request> request = proto::decode_link_call(link.message);
  if (!request) {
    ++counts_.unread;
    answer(link, request.error());
    return send_pieces(link, actions);
  }
  link.request = std::move(*request);
  link.state = Link::State::kQueued;
  waiting_.push_back(link.id);
}

void Gateway::dispatch(Actions& actions) {
  while (calling_ < limits_.calls_max && !waiting_.empty()) {
    Link& link = *links_.at(waiting_.front());
    waiting_.pop_front();
    link.state = Link::State::kCalling;
    link.number = ++last_call_;
    ++calling_;
    ++counts_.calls;
    actions.push_back(Call{link.id, link.number, std::move(*link.request)});
    link.request.reset();
  }
}

void Gateway::on_pull(Link& link, const LinkFrame& frame, Actions& actions) {
  ByteReader in(frame.body);
  const std::uint32_t offset = in.u32();
  const std::uint8_t count = in.u8();
  if (!in.finished() || count == 0) return;
  if (!link.welcomed || frame.call != link.call || link.state == Link::State::kEmpty) {
    return link.say(LinkKind::kLost, frame.call, {}, actions);
  }
  if (link.state == Link::State::kCollecting) return link.say_got(actions);
  link.pull_offset = offset;
  link.pull_count = std::min(count, limits_.window);
  if (link.state == Link::State::kAnswered) return send_pieces(link, actions);
  link.say(LinkKind::kWait, frame.call, {}, actions);
}

void Gateway::send_pieces(Link& link, Actions& actions) {
  const std::uint32_t total = static_cast<std::uint32_t>(link.message.size());
  for (; link.pull_count > 0 && link.pull_offset < total; --link.pull_count) {
    const std::uint32_t bytes = std::min<std::uint32_t>(link.payload_bytes, total - link.pull_offset);
    std::array<std::uint8_t, proto::kLinkBodyBytesMax> body;
    store_le<std::uint32_t>(body.data(), total);
    store_le<std::uint32_t>(body.data() + 4, link.pull_offset);
    std::memcpy(body.data() + 8, link.message.data() + link.pull_offset, bytes);
    link.say(LinkKind::kPiece, link.call, Bytes(body).first(8 + bytes), actions);
    link.pull_offset += bytes;
    if (link.pull_offset == total) link.fetched = true;
  }
  link.pull_count = 0;
}

Gateway::Actions Gateway::answered(LinkId id, std::uint64_t number, const Result<Reply>& reply) {
  Actions actions;
  const auto found = links_.find(id);
  if (found == links_.end()) return actions;
  Link& link = *found->second;
  if (link.state != Link::State::kCalling || link.number != number) return actions;
  --calling_;
  ++counts_.answers;
  if (!reply) ++counts_.failures;
  answer(link, reply);
  send_pieces(link, actions);
  dispatch(actions);
  return actions;
}

void Gateway::answer(Link& link, const Result<Reply>& reply) {
  held_bytes_ -= link.message.size();
  link.message = proto::encode_link_answer(to_link(reply));
  if (link.message.size() > limits_.message_bytes_max || !has_room(link.message.size())) {
    link.message = proto::encode_link_answer(
        Status(StatusCode::kResourceExhausted, "the answer is larger than what the gateway has room for"));
  }
  held_bytes_ += link.message.size();
  link.state = Link::State::kAnswered;
  link.fetched = false;
}

void Gateway::refuse(Link& link, std::uint32_t call, LinkRefusal reason, Actions& actions) {
  ++counts_.refused;
  const std::uint8_t number = static_cast<std::uint8_t>(reason);
  link.say(LinkKind::kRefuse, call, Bytes(&number, 1), actions);
}

// The link's call and answer, at whatever point they are.
void Gateway::forget(Link& link, Actions& actions) {
  if (link.state == Link::State::kCalling) {
    --calling_;
    actions.push_back(Cancel{link.id, link.number});
  }
  if (link.state == Link::State::kQueued) std::erase(waiting_, link.id);
  held_bytes_ -= link.message.size();
  link.message = {};
  link.request.reset();
  link.pull_count = 0;
  link.state = Link::State::kEmpty;
}

bool Gateway::has_room(std::size_t bytes) const { return held_bytes_ + bytes <= limits_.memory_bytes_max; }

bool Gateway::idle() const {
  return std::none_of(links_.begin(), links_.end(), [](const auto& entry) {
    const Link& link = *entry.second;
    return link.state != Link::State::kEmpty && !(link.state == Link::State::kAnswered && link.fetched);
  });
}

bool Gateway::has_spoken(LinkId id) const {
  const auto found = links_.find(id);
  return found != links_.end() && found->second->spoken;
}

GatewayCounts Gateway::counts() const {
  GatewayCounts counts = counts_;
  counts.links = links_.size();
  for (const auto& [id, link] : links_) counts.damaged += link->reader.damaged();
  return counts;
}

}  // namespace sotto::client
