// A board's and a gateway's ends of a link, on a line that does what the input says; and what the decoders of
// frames and messages make of anything.
#include <map>
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/client/gateway.h"
#include "sotto/proto/link_board.h"
#include "sotto/proto/link_codec.h"
#include "sotto/proto/link_message.h"

namespace {

using namespace sotto;
using Buffer = std::vector<std::uint8_t>;

void decode_anything(Bytes bytes) {
  proto::link::Call call;
  if (accepted(proto::link::decode_call(bytes, call))) {
    Buffer again(proto::link::encoded_bytes(call));
    ByteWriter out(again);
    SOTTO_CHECK(proto::link::encode(call, out) && again == Buffer(bytes.begin(), bytes.end()));
    SOTTO_CHECK(proto::decode_link_call(bytes).has_value());
  }
  proto::link::Answer answer;
  if (accepted(proto::link::decode_answer(bytes, answer))) {
    Buffer again(proto::link::encoded_bytes(answer));
    ByteWriter out(again);
    SOTTO_CHECK(proto::link::encode(answer, out) && again == Buffer(bytes.begin(), bytes.end()));
    SOTTO_CHECK(proto::encode_link_answer(proto::decode_link_answer(bytes)) == again);
  }
}

struct Line {
  fuzz::FuzzInput& input;
  client::Gateway gateway{{.links_max = 1, .message_bytes_max = 8192, .memory_bytes_max = 8192}};
  Buffer to_board{};
  std::vector<client::Gateway::Call> calls{};

  void perform(client::Gateway::Actions actions) {
    for (auto& action : actions) {
      if (auto* send = std::get_if<client::Gateway::Send>(&action)) {
        fuzz::mutate(input, send->bytes);
        to_board.insert(to_board.end(), send->bytes.begin(), send->bytes.end());
      } else if (auto* call = std::get_if<client::Gateway::Call>(&action)) {
        calls.push_back(std::move(*call));
      }
    }
  }
};

void play(fuzz::FuzzInput& input) {
  Line line{input};
  SOTTO_CHECK(line.gateway.open(1));
  proto::LinkBoard board({.payload_bytes_max = 64, .repeat_ms = 10, .patience_ms = 1000});
  const Buffer message =
      proto::encode_link_call(proto::ExchangeRequest{.token = {}, .payload = Buffer(200, 7)});
  Buffer room(512);
  std::uint32_t now = 0;
  board.call(message, room, now);
  for (int turn = 0; turn < 20'000 && !board.over(); ++turn, now += 10) {
    Buffer frame(proto::kLinkEncodedBytesMax);
    while (const std::size_t size = board.next(frame, now)) {
      Buffer sent(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      fuzz::mutate(input, sent);
      line.perform(line.gateway.received(1, sent));
    }
    for (const std::uint8_t byte : std::exchange(line.to_board, {})) board.take(byte, now);
    for (const client::Gateway::Call& call : std::exchange(line.calls, {})) {
      const proto::NextStep next{proto::Step::kConfirm, Buffer(150, 9)};
      line.perform(line.gateway.answered(1, call.number, client::Reply(proto::ExchangeReply(next))));
    }
  }
  SOTTO_CHECK(board.over());
  // With the checksums as they are, what arrives is what was sent.
  if (board.state() != proto::LinkBoard::State::kDone) return;
  const auto reply = proto::decode_link_answer(Bytes(room).first(board.read_bytes()));
  SOTTO_CHECK(reply.has_value() || !reply.error().message().empty());
  line.perform(line.gateway.close(1));
  SOTTO_CHECK(line.gateway.counts().links == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  if (input.chance(64)) {
    decode_anything(Bytes(data, size).subspan(1));
  } else {
    play(input);
  }
  return 0;
}
