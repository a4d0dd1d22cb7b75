// A gateway's core without I/O: boards' frames in, calls to the coordinator and frames to boards out
// (PROTOCOL.md section 11). One thread at a time.
//
// It keeps no state that matters: of each link one call and its answer, in memory. A board whose gateway has
// forgotten its call is told so and repeats it, and the coordinator counts a repeated call once.
//
// Bounds: links, bytes of a message, bytes of all messages together, calls at the coordinator at once. What
// is beyond them is refused to the board (busy, too large), or waits its turn.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/client/transport.h"
#include "sotto/proto/link_frame.h"

namespace sotto::client {

struct GatewayLimits {
  std::size_t links_max = 256;
  std::size_t message_bytes_max = std::size_t{1} << 20;  // of a call, and of an answer
  std::size_t memory_bytes_max = std::size_t{64} << 20;  // of all calls and answers together
  std::size_t calls_max = 64;                            // at the coordinator at once
  std::uint16_t payload_bytes_max = proto::kLinkPayloadBytesMax;
  std::uint8_t window = 8;
};

// A board's line, numbered by whoever opens it; no number is used twice.
using LinkId = std::uint64_t;

struct GatewayCounts {
  std::uint64_t links = 0;  // now
  std::uint64_t calls = 0;  // that went to the coordinator
  std::uint64_t answers = 0;
  std::uint64_t failures = 0;  // of these, that were none of the coordinator's
  std::uint64_t refused = 0;   // calls that the gateway did not take
  std::uint64_t unread = 0;    // that were no call
  std::uint64_t damaged = 0;   // frames
};

class Gateway {
 public:
  // To be written to the link's line, in order.
  struct Send {
    LinkId link;
    std::vector<std::uint8_t> bytes;
  };
  // To be sent to the coordinator; the answer comes back with the same numbers.
  struct Call {
    LinkId link;
    std::uint64_t number;
    Request request;
  };
  // Nobody waits for this call's answer any more.
  struct Cancel {
    LinkId link;
    std::uint64_t number;
  };
  using Action = std::variant<Send, Call, Cancel>;
  using Actions = std::vector<Action>;

  explicit Gateway(const GatewayLimits& limits);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // False when there are as many links as there may be.
  [[nodiscard]] bool open(LinkId link);
  [[nodiscard]] Actions close(LinkId link);
  [[nodiscard]] Actions received(LinkId link, Bytes bytes);
  [[nodiscard]] Actions answered(LinkId link, std::uint64_t number, const Result<Reply>& reply);
  // From now on no call is taken; those under way are finished.
  void drain() { draining_ = true; }
  // No call is under way, and every answer was fetched.
  [[nodiscard]] bool idle() const;
  // Whether the link has ever sent a sound frame.
  [[nodiscard]] bool has_spoken(LinkId link) const;
  [[nodiscard]] GatewayCounts counts() const;

 private:
  struct Link;

  void on_frame(Link& link, const proto::LinkFrame& frame, Actions& actions);
  void on_hello(Link& link, const proto::LinkFrame& frame, Actions& actions);
  void on_part(Link& link, const proto::LinkFrame& frame, Actions& actions);
  void on_pull(Link& link, const proto::LinkFrame& frame, Actions& actions);
  void collect(Link& link, Bytes bytes, Actions& actions);
  void hand_over(Link& link, Actions& actions);
  void send_pieces(Link& link, Actions& actions);
  void refuse(Link& link, std::uint32_t call, proto::LinkRefusal reason, Actions& actions);
  void forget(Link& link, Actions& actions);
  void answer(Link& link, const Result<Reply>& reply);
  void dispatch(Actions& actions);
  [[nodiscard]] bool has_room(std::size_t bytes) const;

  const GatewayLimits limits_;
  std::map<LinkId, std::unique_ptr<Link>> links_;
  std::deque<LinkId> waiting_;  // whose call waits for its turn
  std::size_t calling_ = 0;     // calls at the coordinator
  std::size_t held_bytes_ = 0;  // of all links' calls and answers
  std::uint64_t last_call_ = 0;
  bool draining_ = false;
  GatewayCounts counts_;
};

}  // namespace sotto::client
