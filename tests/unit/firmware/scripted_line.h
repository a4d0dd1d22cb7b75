// A board's port whose gateway is a function: it is handed each call and says what the answer is, sound or
// not. Time is counted, not waited for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "app/port.h"
#include "sotto/proto/link_frame.h"
#include "sotto/proto/link_message.h"

namespace sotto::board {

class ScriptedLine final : public Port {
 public:
  // The bytes of an answer: what encode(link::Answer) writes, or anything else.
  using Answers = std::function<std::vector<std::uint8_t>(const proto::link::Call&)>;

  ScriptedLine(Flash& flash, Answers answers) : flash_(flash), answers_(std::move(answers)) {}

  [[nodiscard]] Flash& flash() override { return flash_; }
  [[nodiscard]] Bytes mapped_flash(std::uint32_t offset, std::uint32_t bytes) override {
    mapped_.assign(bytes / sizeof(std::max_align_t) + 1, {});
    auto* const memory = reinterpret_cast<std::uint8_t*>(mapped_.data());
    return flash_.read(offset, {memory, bytes}) ? Bytes(memory, bytes) : Bytes();
  }
  [[nodiscard]] std::uint32_t now_ms() override { return now_ms_; }
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    if (to_board_.empty()) {
      // The longer nothing has come, the longer it takes: whoever is told to wait for days does so at once.
      now_ms_ += (wait_ms == 0 ? 1 : wait_ms) << std::min(silent_++ / 64, 16u);
      return false;
    }
    silent_ = 0;
    byte = to_board_.front();
    to_board_.pop_front();
    return true;
  }
  [[nodiscard]] bool write_line(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) {
      if (reader_.take(byte)) take(reader_.frame());
    }
    return true;
  }
  void say(const char* text, std::uint64_t) override { said_ += std::string(text) + "\n"; }

  [[nodiscard]] const std::string& said() const { return said_; }

  // So often from now on the gateway has forgotten an answer when the board reads on in it.
  int losses = 0;

 private:
  using Kind = proto::LinkKind;

  void send(Kind kind, std::uint32_t call, Bytes body) {
    std::array<std::uint8_t, proto::kLinkEncodedBytesMax> out;
    const std::size_t size = proto::encode_link_frame({.kind = kind, .call = call, .body = body}, out);
    to_board_.insert(to_board_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }

  void take(const proto::LinkFrame& frame) {
    ByteReader in(frame.body);
    if (frame.kind == Kind::kHello) {
      std::array<std::uint8_t, 8> body;
      ByteWriter out(body);
      out.u8(proto::kLinkVersion);
      out.u16(proto::kLinkPayloadBytesMax);
      out.u8(8);
      out.u32(1 << 16);
      return send(Kind::kWelcome, frame.call, body);
    }
    if (frame.kind == Kind::kPart) {
      const std::uint32_t size = in.u32();
      const std::uint32_t offset = in.u32();
      const Bytes part = in.bytes(in.remaining());
      call_.resize(size);
      std::copy(part.begin(), part.end(), call_.begin() + offset);
      std::array<std::uint8_t, 4> body;
      const std::uint32_t got = offset + static_cast<std::uint32_t>(part.size());
      store_le(body.data(), got);
      if (got == size) answer();
      return send(Kind::kGot, frame.call, body);
    }
    if (frame.kind != Kind::kPull) return;
    std::uint32_t offset = in.u32();
    if (offset != 0 && losses > 0) {
      --losses;
      return send(Kind::kLost, frame.call, {});
    }
    for (std::uint8_t left = in.u8(); left != 0 && offset < answer_.size(); --left) {
      const std::size_t bytes = std::min(answer_.size() - offset, proto::kLinkPayloadBytesMax);
      std::vector<std::uint8_t> body(8);
      store_le(body.data(), static_cast<std::uint32_t>(answer_.size()));
      store_le(body.data() + 4, offset);
      body.insert(body.end(), answer_.begin() + offset, answer_.begin() + offset + std::ptrdiff_t(bytes));
      send(Kind::kPiece, frame.call, body);
      offset += static_cast<std::uint32_t>(bytes);
    }
  }

  void answer() {
    proto::link::Call call;
    if (accepted(proto::link::decode_call(call_, call))) answer_ = answers_(call);
  }

  Flash& flash_;
  const Answers answers_;
  proto::LinkFrameReader reader_;
  std::deque<std::uint8_t> to_board_;
  std::vector<std::uint8_t> call_, answer_;
  std::vector<std::max_align_t> mapped_;
  std::uint32_t now_ms_ = 0, silent_ = 0;
  std::string said_;
};

}  // namespace sotto::board
