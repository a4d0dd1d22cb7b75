// The debugger's or emulator's services: console, files of the host, exit. Arm, "Semihosting for AArch32 and
// AArch64", 2.0. Without a debugger that answers, the first call stops the board in a fault: for measuring
// firmware, not for products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sotto::semihosting {

// Prints text to the host's console.
void write(const char* text);

// The words that the host gave for the firmware, separated by single blanks, NUL-terminated, in `line`.
// False when there is none or it does not fit.
bool command_line(std::span<char> line);

// Ends the emulation with `code`.
[[noreturn]] void exit(int code);

enum class Mode : std::uint32_t { kRead = 1, kUpdate = 3, kWrite = 5 };  // fopen's "rb", "r+b" and "wb"

// A file of the host. Closed by the destructor.
class File {
 public:
  // No path, no file: nullptr may be given.
  File(const char* path, Mode mode);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Whether no path was given. A path that cannot be opened gives a file whose reads and writes fail.
  bool is_absent() const { return absent_; }

  // True when all bytes were transferred.
  bool read(std::span<std::uint8_t> bytes);
  bool write(std::span<const std::uint8_t> bytes);

  // Sets where the next read or write begins, in bytes from the start.
  bool seek(std::uint32_t offset);

 private:
  bool is_open() const { return handle_ >= 0; }

  bool absent_;
  std::int32_t handle_ = -1;
};

}  // namespace sotto::semihosting
