// Flash in a file of the host, so that a killed emulator keeps it.
#pragma once

#include <array>

#include "app/enrolment.h"
#include "semihosting.h"
#include "sotto/base/check.h"
#include "sotto/base/flash.h"

namespace sotto::board {

class SemihostedFlash final : public Flash {
 public:
  static constexpr FlashGeometry kGeometry = kFlashFileGeometry;

  explicit SemihostedFlash(const char* path) : file_(path, semihosting::Mode::kUpdate) {}

  [[nodiscard]] FlashGeometry geometry() const override { return kGeometry; }
  [[nodiscard]] bool read(std::uint32_t offset, MutableBytes out) override {
    return file_.seek(offset) && file_.read(out);
  }
  [[nodiscard]] bool program(std::uint32_t offset, Bytes words) override {
    SOTTO_CHECK(offset % kGeometry.word_bytes == 0 && words.size() % kGeometry.word_bytes == 0);
    for (std::size_t i = 0; i < words.size(); i += kGeometry.word_bytes) {
      std::array<std::uint8_t, kGeometry.word_bytes> before;
      if (!read(offset + static_cast<std::uint32_t>(i), before)) return false;
      for (const std::uint8_t byte : before) SOTTO_CHECK(byte == kErasedByte);
    }
    return file_.seek(offset) && file_.write(words);
  }
  [[nodiscard]] bool erase(std::uint32_t page) override {
    SOTTO_CHECK(page < kGeometry.pages);
    std::array<std::uint8_t, 256> erased;
    erased.fill(kErasedByte);
    bool done = file_.seek(page * kGeometry.page_bytes);
    for (std::uint32_t at = 0; at < kGeometry.page_bytes; at += erased.size()) {
      done = done && file_.write(erased);
    }
    return done;
  }

 private:
  semihosting::File file_;
};

}  // namespace sotto::board
