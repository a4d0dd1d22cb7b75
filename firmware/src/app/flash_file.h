// Flash in a file of this host, for the application's POSIX port and for those who provision boards: what was
// programmed is on disk before the call returns, so a program that is killed is a board whose power went.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "enrolment.h"
#include "sotto/base/check.h"
#include "sotto/base/flash.h"

namespace sotto::board {

class FlashFile final : public Flash {
 public:
  static constexpr FlashGeometry kGeometry = kFlashFileGeometry;

  // An absent or shorter file is erased where it is missing.
  explicit FlashFile(const char* path) : file_(open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600)) {
    const off_t size = file_ < 0 ? 0 : lseek(file_, 0, SEEK_END);
    if (size < 0 || file_ < 0 || static_cast<std::uint32_t>(size) >= kGeometry.bytes()) return;
    const std::vector<std::uint8_t> erased(kGeometry.bytes() - static_cast<std::size_t>(size), kErasedByte);
    usable_ = pwrite(file_, erased.data(), erased.size(), size) == static_cast<ssize_t>(erased.size());
  }
  ~FlashFile() {
    if (file_ >= 0) close(file_);
  }
  FlashFile(const FlashFile&) = delete;
  FlashFile& operator=(const FlashFile&) = delete;

  [[nodiscard]] bool is_open() const { return file_ >= 0 && usable_; }
  [[nodiscard]] FlashGeometry geometry() const override { return kGeometry; }
  [[nodiscard]] bool read(std::uint32_t offset, MutableBytes out) override {
    return pread(file_, out.data(), out.size(), offset) == static_cast<ssize_t>(out.size());
  }
  [[nodiscard]] bool program(std::uint32_t offset, Bytes words) override {
    SOTTO_CHECK(offset % kGeometry.word_bytes == 0 && words.size() % kGeometry.word_bytes == 0);
    std::vector<std::uint8_t> before(words.size());
    if (!read(offset, before)) return false;
    SOTTO_CHECK(std::ranges::all_of(before, [](std::uint8_t byte) { return byte == kErasedByte; }));
    return pwrite(file_, words.data(), words.size(), offset) == static_cast<ssize_t>(words.size());
  }
  [[nodiscard]] bool erase(std::uint32_t page) override {
    SOTTO_CHECK(page < kGeometry.pages);
    const std::vector<std::uint8_t> erased(kGeometry.page_bytes, kErasedByte);
    return pwrite(file_, erased.data(), erased.size(), off_t{page} * kGeometry.page_bytes) ==
           static_cast<ssize_t>(erased.size());
  }

 private:
  int file_;
  bool usable_ = true;
};

}  // namespace sotto::board
