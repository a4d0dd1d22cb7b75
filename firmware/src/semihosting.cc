#include "semihosting.h"

#include <array>

namespace sotto::semihosting {
namespace {

enum class Operation : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWriteText = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kSeek = 0x0a,
  kCommandLine = 0x15,
  kExitExtended = 0x20,
};

constexpr std::uint32_t kApplicationExit = 0x20026;

std::int32_t call(Operation operation, const void* argument) {
  register std::uint32_t r0 asm("r0") = static_cast<std::uint32_t>(operation);
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return static_cast<std::int32_t>(r0);
}

std::uint32_t word(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

std::uint32_t length_of(const char* text) {
  std::uint32_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

}  // namespace

void write(const char* text) { call(Operation::kWriteText, text); }

bool command_line(std::span<char> line) {
  const std::array<std::uint32_t, 2> block{word(line.data()), static_cast<std::uint32_t>(line.size())};
  return call(Operation::kCommandLine, block.data()) == 0;
}

void exit(int code) {
  const std::array<std::uint32_t, 2> block{kApplicationExit, static_cast<std::uint32_t>(code)};
  for (;;) call(Operation::kExitExtended, block.data());
}

File::File(const char* path, Mode mode) : absent_(path == nullptr) {
  if (absent_) return;
  const std::array<std::uint32_t, 3> block{word(path), static_cast<std::uint32_t>(mode), length_of(path)};
  handle_ = call(Operation::kOpen, block.data());
}

File::~File() {
  if (is_open()) call(Operation::kClose, &handle_);
}

bool File::read(std::span<std::uint8_t> bytes) {
  const std::array<std::uint32_t, 3> block{static_cast<std::uint32_t>(handle_), word(bytes.data()),
                                           static_cast<std::uint32_t>(bytes.size())};
  return is_open() && call(Operation::kRead, block.data()) == 0;
}

bool File::write(std::span<const std::uint8_t> bytes) {
  const std::array<std::uint32_t, 3> block{static_cast<std::uint32_t>(handle_), word(bytes.data()),
                                           static_cast<std::uint32_t>(bytes.size())};
  return is_open() && call(Operation::kWrite, block.data()) == 0;
}

bool File::seek(std::uint32_t offset) {
  const std::array<std::uint32_t, 2> block{static_cast<std::uint32_t>(handle_), offset};
  return is_open() && call(Operation::kSeek, block.data()) == 0;
}

}  // namespace sotto::semihosting
