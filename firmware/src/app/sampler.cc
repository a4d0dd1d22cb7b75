#include "sampler.h"

#include <algorithm>

namespace sotto::board {

bool Sampler::sample(WindowTaker& taker) {
  std::uint8_t byte = 0;
  int taken = 0;
  while (taken < kBytesAtATime && line_.read(byte)) {
    if (finder_.take(byte)) on_frame(taker);
    ++taken;
  }
  return taken > 0;
}

void Sampler::on_frame(WindowTaker& taker) {
  const proto::LinkFrame frame = finder_.frame();
  switch (static_cast<SampleKind>(frame.kind)) {
    case SampleKind::kAsk:
      return on_ask(taker, frame.call);
    case SampleKind::kPiece:
      return on_piece(taker, frame.call, frame.body);
    case SampleKind::kEnd:
      return on_end(taker, frame.call, frame.body);
    default:
      return;  // of another version, or our own words come back
  }
}

void Sampler::on_piece(WindowTaker& taker, std::uint32_t number, Bytes body) {
  ByteReader in(body);
  const std::uint32_t offset = in.u32();
  const Bytes piece = in.bytes(in.remaining());
  if (piece.empty() || (is_answered_ && number == number_)) return;
  if (offset == 0) {
    number_ = number;
    got_ = 0;
    is_answered_ = false;
  }
  const MutableBytes window = taker.window();
  if (number != number_ || offset != got_ || piece.size() > window.size() - got_) return;
  std::copy(piece.begin(), piece.end(), window.begin() + got_);
  got_ += static_cast<std::uint32_t>(piece.size());
}

void Sampler::on_end(WindowTaker& taker, std::uint32_t number, Bytes body) {
  if (number != number_ || (!is_answered_ && got_ != taker.window().size())) {
    return refuse(number, SampleRefusal::kIncomplete);
  }
  if (!is_answered_) {
    SampleRefusal why = SampleRefusal::kFailed;
    got_ = 0;  // the model's input is as good as gone
    if (body.size() > 1) return refuse(number, SampleRefusal::kLabel);
    if (!taker.take_window(body.empty() ? nullptr : body.data(), answer_, why)) return refuse(number, why);
    is_answered_ = true;
  }
  std::array<std::uint8_t, kAnswerBytesMax> bytes;
  ByteWriter out(bytes);
  out.u16(answer_.label);
  out.u16(answer_.confidence);
  out.u8(answer_.marks);
  say(SampleKind::kAnswer, number, Bytes(bytes).first(out.written()));
}

void Sampler::on_ask(const WindowTaker& taker, std::uint32_t number) {
  const WindowForm form = taker.form();
  std::array<std::uint8_t, kAnswerBytesMax> bytes;
  ByteWriter out(bytes);
  out.u32(form.bytes);
  out.u32(form.features);
  out.u32(form.classes);
  out.f32(form.scale);
  out.u32(static_cast<std::uint32_t>(form.zero_point));
  say(SampleKind::kTakes, number, Bytes(bytes).first(out.written()));
}

void Sampler::refuse(std::uint32_t number, SampleRefusal why) {
  std::array<std::uint8_t, 5> bytes{static_cast<std::uint8_t>(why)};
  store_le(bytes.data() + 1, number == number_ ? got_ : 0);
  say(SampleKind::kRefuse, number, bytes);
}

void Sampler::say(SampleKind kind, std::uint32_t number, Bytes body) {
  std::array<std::uint8_t, proto::kLinkFrameExtraBytes + kAnswerBytesMax + 4> frame;
  const std::size_t size = proto::encode_link_frame(
      {.kind = static_cast<proto::LinkKind>(kind), .call = number, .body = body}, frame);
  line_.write(Bytes(frame).first(size));
}

}  // namespace sotto::board
