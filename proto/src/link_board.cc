#include "sotto/proto/link_board.h"

#include <algorithm>
#include <array>

namespace sotto::proto {
namespace {

// Of one call: a gateway that forgets for ever is as good as none.
constexpr std::uint32_t kRestartsMax = 16;

// `at` is not after `now`, on a clock that wraps.
bool has_come(std::uint32_t at_ms, std::uint32_t now_ms) {
  return static_cast<std::int32_t>(now_ms - at_ms) >= 0;
}

}  // namespace

void LinkBoard::call(Bytes message, MutableBytes room, std::uint32_t now_ms) {
  ++call_;
  message_ = message;
  room_ = room;
  offset_ = 0;
  restarts_ = 0;
  begin(now_ms);
}

void LinkBoard::read(std::uint32_t offset, MutableBytes room, std::uint32_t now_ms) {
  if (state_ != State::kDone) return;
  room_ = room;
  offset_ = offset;
  read_ = 0;
  state_ = State::kReading;
  progress(now_ms);
  due_ = true;
  if (read_everything()) state_ = State::kDone;
}

void LinkBoard::reconnect(std::uint32_t now_ms) {
  welcomed_ = false;
  if (state_ == State::kIdle || state_ == State::kFailed) return;
  if (state_ != State::kDone) on_lost(now_ms);
}

// From the message's first byte on.
void LinkBoard::begin(std::uint32_t now_ms) {
  sent_ = got_ = read_ = total_ = pulled_ = 0;
  failure_ = Failure::kNone;
  state_ = welcomed_ ? State::kSending : State::kGreeting;
  progress(now_ms);
  due_ = true;
}

void LinkBoard::progress(std::uint32_t now_ms) {
  progress_at_ms_ = now_ms;
  repeat_at_ms_ = now_ms + options_.repeat_ms;
  went_back_ = false;
}

void LinkBoard::fail(Failure failure) {
  failure_ = failure;
  state_ = State::kFailed;
}

bool LinkBoard::is_due(std::uint32_t now_ms) const { return due_ || has_come(repeat_at_ms_, now_ms); }

bool LinkBoard::read_everything() const {
  return read_ == room_.size() || (total_ != 0 && offset_ + read_ >= total_);
}

std::size_t LinkBoard::say(LinkKind kind, Bytes body, MutableBytes out) const {
  return encode_link_frame({.kind = kind, .call = call_, .body = body}, out);
}

std::size_t LinkBoard::next(MutableBytes out, std::uint32_t now_ms) {
  if (state_ == State::kIdle || over()) return 0;
  if (has_come(progress_at_ms_ + options_.patience_ms, now_ms)) {
    fail(Failure::kSilent);
    return 0;
  }
  if (state_ == State::kSending) return next_part(out, now_ms);
  if (state_ == State::kReading) return next_pull(out, now_ms);
  if (!is_due(now_ms)) return 0;
  due_ = false;
  repeat_at_ms_ = now_ms + options_.repeat_ms;
  std::array<std::uint8_t, 3> body{kLinkVersion};
  store_le<std::uint16_t>(body.data() + 1, options_.payload_bytes_max);
  return say(LinkKind::kHello, body, out);
}

std::size_t LinkBoard::next_part(MutableBytes out, std::uint32_t now_ms) {
  if (has_come(repeat_at_ms_, now_ms)) sent_ = got_;
  const std::uint32_t size = static_cast<std::uint32_t>(message_.size());
  if (sent_ == size || sent_ - got_ >= std::uint32_t{window_} * payload_bytes_) return 0;
  const std::uint32_t bytes = std::min<std::uint32_t>(payload_bytes_, size - sent_);
  std::array<std::uint8_t, kLinkBodyBytesMax> body;
  store_le<std::uint32_t>(body.data(), size);
  store_le<std::uint32_t>(body.data() + 4, sent_);
  std::memcpy(body.data() + 8, message_.data() + sent_, bytes);
  sent_ += bytes;
  repeat_at_ms_ = now_ms + options_.repeat_ms;
  return say(LinkKind::kPart, Bytes(body).first(8 + bytes), out);
}

std::size_t LinkBoard::next_pull(MutableBytes out, std::uint32_t now_ms) {
  if (!is_due(now_ms)) return 0;
  due_ = false;
  repeat_at_ms_ = now_ms + options_.repeat_ms;
  const std::size_t left = std::max<std::size_t>(room_.size() - read_, 1);
  const std::size_t wanted = (left + payload_bytes_ - 1) / payload_bytes_;
  const std::uint8_t count = static_cast<std::uint8_t>(std::min<std::size_t>(wanted, window_));
  pulled_ = read_ + std::uint32_t{count} * payload_bytes_;
  std::array<std::uint8_t, 5> body;
  store_le<std::uint32_t>(body.data(), offset_ + read_);
  body[4] = count;
  return say(LinkKind::kPull, body, out);
}

std::uint32_t LinkBoard::wake_in_ms(std::uint32_t now_ms) const {
  if (state_ == State::kIdle || over()) return UINT32_MAX;
  if (due_ || has_come(repeat_at_ms_, now_ms)) return 0;
  return repeat_at_ms_ - now_ms;
}

void LinkBoard::take(std::uint8_t byte, std::uint32_t now_ms) {
  if (reader_.take(byte)) on_frame(reader_.frame(), now_ms);
}

// What does not fit to what the board has asked for is of the past, or of nobody: it is passed over.
void LinkBoard::on_frame(const LinkFrame& frame, std::uint32_t now_ms) {
  if (frame.call != call_ || state_ == State::kIdle || over()) return;
  switch (frame.kind) {
    case LinkKind::kWelcome:
      return on_welcome(frame.body, now_ms);
    case LinkKind::kGot:
      return on_got(frame.body, now_ms);
    case LinkKind::kPiece:
      return on_piece(frame.body, now_ms);
    case LinkKind::kWait:
      // No progress, but a sign of life: there is time until the next question.
      if (state_ == State::kReading) repeat_at_ms_ = now_ms + options_.repeat_ms;
      return;
    case LinkKind::kLost:
      return on_lost(now_ms);
    case LinkKind::kRefuse:
      return on_refuse(frame.body);
    default:
      return;
  }
}

void LinkBoard::on_welcome(Bytes body, std::uint32_t now_ms) {
  if (state_ != State::kGreeting) return;
  ByteReader in(body);
  const std::uint8_t version = in.u8();
  const std::uint16_t payload_bytes = in.u16();
  const std::uint8_t window = in.u8();
  const std::uint32_t message_bytes_max = in.u32();
  if (!in.finished() || version != kLinkVersion) return fail(Failure::kVersion);
  if (payload_bytes < kLinkPayloadBytesMin || payload_bytes > options_.payload_bytes_max || window == 0) {
    return fail(Failure::kMalformed);
  }
  if (message_.size() > message_bytes_max) return fail(Failure::kTooLarge);
  welcomed_ = true;
  payload_bytes_ = payload_bytes;
  window_ = static_cast<std::uint8_t>(std::min<std::size_t>(window, kLinkWindowMax));
  state_ = State::kSending;
  progress(now_ms);
}

void LinkBoard::on_got(Bytes body, std::uint32_t now_ms) {
  ByteReader in(body);
  const std::uint32_t got = in.u32();
  if (state_ != State::kSending || !in.finished() || got > sent_ || got < got_) return;
  if (got == got_) {  // something was lost on the way: what follows it was for nothing
    if (!went_back_) sent_ = got_;
    went_back_ = true;
    return;
  }
  got_ = got;
  progress(now_ms);
  if (got_ < message_.size()) return;
  state_ = State::kReading;
  due_ = true;
}

void LinkBoard::on_piece(Bytes body, std::uint32_t now_ms) {
  ByteReader in(body);
  const std::uint32_t total = in.u32();
  const std::uint32_t offset = in.u32();
  const Bytes bytes = in.bytes(in.remaining());
  if (state_ != State::kReading || !in.ok() || total == 0 || offset > total ||
      bytes.size() > total - offset) {
    return;
  }
  if (total_ != 0 && total != total_) return;
  if (offset > offset_ + read_ && !went_back_) due_ = went_back_ = true;  // one before it was lost
  if (offset != offset_ + read_ || bytes.empty()) return;
  total_ = total;
  const std::size_t taken = std::min<std::size_t>(bytes.size(), room_.size() - read_);
  if (taken != 0) std::memcpy(room_.data() + read_, bytes.data(), taken);
  read_ += static_cast<std::uint32_t>(taken);
  progress(now_ms);
  if (read_everything()) {
    state_ = State::kDone;
  } else if (read_ >= pulled_) {
    due_ = true;
  }
}

void LinkBoard::on_lost(std::uint32_t now_ms) {
  welcomed_ = false;
  // What was read of another answer before would not be of the same one as what comes now.
  if (state_ == State::kReading && offset_ != 0) return fail(Failure::kLost);
  if (++restarts_ > kRestartsMax) return fail(Failure::kSilent);
  begin(now_ms);
}

void LinkBoard::on_refuse(Bytes body) {
  const LinkRefusal reason = body.empty() ? LinkRefusal::kMalformed : static_cast<LinkRefusal>(body[0]);
  switch (reason) {
    case LinkRefusal::kVersion:
      return fail(Failure::kVersion);
    case LinkRefusal::kTooLarge:
      return fail(Failure::kTooLarge);
    case LinkRefusal::kBusy:
      return fail(Failure::kBusy);
    default:
      return fail(Failure::kMalformed);
  }
}

}  // namespace sotto::proto
