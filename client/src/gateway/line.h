// The lines that boards are on: TCP sockets and serial ports, as descriptors that do not block.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "sotto/base/result.h"

namespace sotto::client {

// Closes what it holds.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void reset();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A serial port as it is written: DEVICE[:BAUD], 115200 unless told otherwise.
struct SerialPort {
  std::string device;
  std::uint32_t baud = 115'200;
};
// kInvalidArgument when there is no device, or no port knows that speed.
[[nodiscard]] Result<SerialPort> parse_serial_port(const std::string& text);
// Raw: eight bits, no parity, one stop bit, no flow control but the link's own. kIo says why not.
[[nodiscard]] Result<Descriptor> open_serial_port(const SerialPort& port);

// kInvalidArgument for an address that is none, kIo when it cannot be had.
[[nodiscard]] Result<Descriptor> listen_tcp(const std::string& address);
// HOST:PORT where it listens, with the port that port 0 became.
[[nodiscard]] std::string local_address(const Descriptor& listener);
struct Accepted {
  Descriptor line;
  std::string peer;  // its address, without the port
};
// Nothing (a line that is not open) when nobody waits.
[[nodiscard]] Accepted accept_tcp(const Descriptor& listener);
// Within `timeout_ms`. kUnavailable says why not.
[[nodiscard]] Result<Descriptor> connect_tcp(const std::string& address, int timeout_ms);

enum class LineState : std::uint8_t { kOpen, kBlocked, kClosed };
// How many bytes were read or written is in `count`.
[[nodiscard]] LineState read_line(const Descriptor& line, std::uint8_t* bytes, std::size_t size,
                                  std::size_t& count);
[[nodiscard]] LineState write_line(const Descriptor& line, const std::uint8_t* bytes, std::size_t size,
                                   std::size_t& count);

}  // namespace sotto::client
