// Windows of samples from a line that loses, repeats and changes them.
#include "app/sampler.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "app/sampling_port.h"
#include "scripted_line.h"
#include "sotto/crypto/primitives.h"
#include "support/nor_flash.h"

namespace sotto::board {
namespace {

using Buffer = std::vector<std::uint8_t>;

// Answers with the sum of the window's bytes, modulo 16.
class Adder final : public WindowTaker {
 public:
  [[nodiscard]] WindowForm form() const override {
    return {static_cast<std::uint32_t>(bytes.size()), 7, 16, 0.5f, -3};
  }
  [[nodiscard]] MutableBytes window() override { return bytes; }
  [[nodiscard]] bool take_window(const std::uint8_t* label, SampleAnswer& answer,
                                 SampleRefusal& why) override {
    why = works ? SampleRefusal::kLabel : SampleRefusal::kFailed;
    if (!works || (label != nullptr && *label > 15)) return false;
    ++taken;
    std::uint32_t sum = 0;
    for (const std::uint8_t byte : bytes) sum += byte;
    answer = {.label = static_cast<std::uint16_t>(sum % 16), .confidence = 999, .marks = 0};
    return true;
  }
  Buffer bytes = Buffer(600);
  int taken = 0;
  bool works = true;
};

struct Line final : Port, SampleLine {
  explicit Line(Flash& memory) : memory_(memory) {}
  [[nodiscard]] Flash& flash() override { return memory_; }
  [[nodiscard]] std::uint32_t now_ms() override { return now; }
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    if (!from_gateway.empty()) {
      byte = from_gateway.front();
      from_gateway.erase(from_gateway.begin());
      return true;
    }
    now += samples.empty() ? wait_ms : 0;
    return false;
  }
  [[nodiscard]] bool write_line(Bytes) override { return true; }
  [[nodiscard]] bool has_samples() const override { return true; }
  bool sample(WindowTaker& taker) override { return sampler.sample(taker); }
  [[nodiscard]] bool read(std::uint8_t& byte) override {
    if (samples.empty()) return false;
    byte = samples.front();
    samples.erase(samples.begin());
    return true;
  }
  void write(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) {
      if (!reader.take(byte)) continue;
      kinds.push_back(static_cast<SampleKind>(reader.frame().kind));
      number = reader.frame().call;
      body.assign(reader.frame().body.begin(), reader.frame().body.end());
    }
  }
  void say(const char*, std::uint64_t) override {}

  Flash& memory_;
  std::uint32_t now = 0;
  Buffer samples, from_gateway, body;
  std::vector<SampleKind> kinds;
  std::uint32_t number = 0;
  proto::LinkFrameReader reader;
  Sampler sampler{*this};
};

class Sampling : public testing::Test {
 protected:
  void give(Bytes bytes) {
    line_.samples.insert(line_.samples.end(), bytes.begin(), bytes.end());
    while (line_.sample(adder_)) {
    }
  }
  static Buffer frame(SampleKind kind, std::uint32_t number, Bytes body) {
    Buffer out(proto::kLinkEncodedBytesMax);
    out.resize(proto::encode_link_frame({static_cast<proto::LinkKind>(kind), number, body}, out));
    return out;
  }
  static Buffer piece(std::uint32_t number, std::uint32_t offset, Bytes bytes) {
    Buffer body(4 + bytes.size());
    store_le(body.data(), offset);
    std::copy(bytes.begin(), bytes.end(), body.begin() + 4);
    return frame(SampleKind::kPiece, number, body);
  }
  void give_window(std::uint32_t number, const Buffer& window, std::size_t piece_bytes = 256) {
    for (std::size_t at = 0; at < window.size(); at += piece_bytes) {
      give(piece(number, static_cast<std::uint32_t>(at),
                 Bytes(window).subspan(at, std::min(piece_bytes, window.size() - at))));
    }
  }
  void end(std::uint32_t number, std::optional<std::uint8_t> label = {}) {
    give(frame(SampleKind::kEnd, number, label ? Bytes(&*label, 1) : Bytes()));
  }
  void expect_refusal(SampleRefusal why) {
    ASSERT_FALSE(line_.kinds.empty());
    EXPECT_EQ(line_.kinds.back(), SampleKind::kRefuse);
    EXPECT_EQ(line_.body.at(0), static_cast<std::uint8_t>(why));
  }

  support::NorFlash flash_{{.pages = 1, .page_bytes = 64, .word_bytes = 8}};
  Line line_{flash_};
  Adder adder_;
  const Buffer window_ = Buffer(600, 2);
};

TEST_F(Sampling, AWholeWindowIsAnsweredHoweverItIsCut) {
  for (const std::size_t bytes : {1u, 7u, 255u, 256u}) {
    give_window(static_cast<std::uint32_t>(bytes), window_, bytes);
    end(static_cast<std::uint32_t>(bytes));
    EXPECT_EQ(line_.kinds.back(), SampleKind::kAnswer);
    EXPECT_EQ(line_.number, bytes);
    EXPECT_EQ(line_.body, (Buffer{1200 % 16, 0, 999 & 255, 999 >> 8, 0}));
  }
  EXPECT_EQ(adder_.taken, 4);
}

TEST_F(Sampling, TellsWhatTheModelTakes) {
  give(frame(SampleKind::kAsk, 5, {}));
  EXPECT_EQ(line_.kinds, std::vector{SampleKind::kTakes});
  ByteReader in(line_.body);
  EXPECT_EQ(in.u32(), 600u);
  EXPECT_EQ(in.u32(), 7u);
  EXPECT_EQ(in.u32(), 16u);
  EXPECT_EQ(in.f32(), 0.5f);
  EXPECT_EQ(static_cast<std::int32_t>(in.u32()), -3);
  EXPECT_TRUE(in.finished());
}

TEST_F(Sampling, AnAnswerThatWasLostComesAgainAndNothingIsCountedTwice) {
  give_window(9, window_);
  end(9, 3);
  const Buffer first = line_.body;
  end(9, 3);
  give_window(9, Buffer(600, 5));
  end(9, 3);
  EXPECT_EQ(line_.kinds.size(), 3u);
  EXPECT_EQ(line_.body, first);
  EXPECT_EQ(adder_.taken, 1);
}

TEST_F(Sampling, WhatIsIncompleteOrInDisorderIsNoWindow) {
  end(1);
  expect_refusal(SampleRefusal::kIncomplete);
  give(piece(2, 0, Bytes(window_).first(100)));
  give(piece(2, 200, Bytes(window_).first(100)));
  end(2);
  expect_refusal(SampleRefusal::kIncomplete);
  EXPECT_EQ(load_le<std::uint32_t>(line_.body.data() + 1), 100u) << "so much is there";
  give_window(3, Buffer(601, 2));
  end(3);
  expect_refusal(SampleRefusal::kIncomplete);
  give(piece(4, 0, Bytes(window_).first(100)));
  give(piece(5, 100, Bytes(window_).first(100)));  // of another window
  end(4);
  expect_refusal(SampleRefusal::kIncomplete);
  give(piece(6, UINT32_MAX, Bytes(window_).first(100)));
  give(piece(6, 0, {}));
  end(6);
  expect_refusal(SampleRefusal::kIncomplete);
  EXPECT_EQ(adder_.taken, 0);
}

TEST_F(Sampling, AWindowThatWasRefusedMayBeginAgain) {
  give_window(1, window_);
  end(1, 16);
  expect_refusal(SampleRefusal::kLabel);
  end(1, 1);
  expect_refusal(SampleRefusal::kIncomplete);
  give_window(1, window_);
  end(1, 1);
  EXPECT_EQ(line_.kinds.back(), SampleKind::kAnswer);
  adder_.works = false;
  give_window(2, window_);
  end(2);
  expect_refusal(SampleRefusal::kFailed);
}

TEST_F(Sampling, AfterNoiseTheNextWindowIsRead) {
  crypto::SeededRandom random(4);
  for (std::uint32_t i = 0; i < 300; ++i) {
    Buffer noise(random.below(900));
    random.fill(noise);
    give(noise);
    give(Buffer{0});
    Buffer damaged = piece(i, 0, window_);
    damaged[1 + random.below(damaged.size() - 2)] ^= 4;
    give(damaged);
    give_window(i, window_);
    end(i);
    ASSERT_EQ(line_.kinds.back(), SampleKind::kAnswer) << i;
    ASSERT_EQ(line_.number, i);
  }
  EXPECT_GT(line_.sampler.damaged_frames(), 200u);
}

TEST_F(Sampling, APortTakesSamplesWhileTheApplicationWaits) {
  SamplingPort port(line_, adder_);
  const auto add = [this](const Buffer& bytes) {
    line_.samples.insert(line_.samples.end(), bytes.begin(), bytes.end());
  };
  for (std::uint32_t at = 0; at < 600; at += 200) add(piece(1, at, Bytes(window_).first(200)));
  add(frame(SampleKind::kEnd, 1, {}));
  line_.from_gateway = {7};
  std::uint8_t byte = 0;
  EXPECT_TRUE(port.read_line(byte, 50)) << "samples never keep the gateway's line waiting for all of them";
  EXPECT_EQ(byte, 7);
  EXPECT_LT(line_.samples.size(), 650u);
  EXPECT_FALSE(port.read_line(byte, 50));
  EXPECT_EQ(line_.now, 50u) << "and a wait is as long as it was";
  EXPECT_EQ(adder_.taken, 1);
}

}  // namespace
}  // namespace sotto::board
