// A board's port whose waits are used for samples: whenever the application waits for its gateway, windows
// are taken. So nothing else in it knows of them.
#pragma once

#include "port.h"
#include "samples.h"

namespace sotto::board {

class SamplingPort final : public Port {
 public:
  // Both must outlive this.
  SamplingPort(Port& port, WindowTaker& taker) : port_(port), taker_(taker) {}

  [[nodiscard]] Flash& flash() override { return port_.flash(); }
  [[nodiscard]] Bytes mapped_flash(std::uint32_t offset, std::uint32_t bytes) override {
    return port_.mapped_flash(offset, bytes);
  }
  [[nodiscard]] std::uint32_t now_ms() override { return port_.now_ms(); }
  [[nodiscard]] bool read_line(std::uint8_t& byte, std::uint32_t wait_ms) override {
    const std::uint32_t from = now_ms();
    for (;;) {
      const bool sampled = port_.sample(taker_);
      const std::uint32_t waited = now_ms() - from;
      const std::uint32_t left = waited < wait_ms ? wait_ms - waited : 0;
      if (port_.read_line(byte, sampled ? 0 : left)) return true;
      if (left == 0) return false;
    }
  }
  [[nodiscard]] bool write_line(Bytes bytes) override { return port_.write_line(bytes); }
  void say(const char* text, std::uint64_t number) override { port_.say(text, number); }

 private:
  Port& port_;
  WindowTaker& taker_;
};

}  // namespace sotto::board
