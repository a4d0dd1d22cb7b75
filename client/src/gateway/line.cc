#include "line.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "sotto/host/address.h"

namespace sotto::client {
namespace {

struct Speed {
  std::uint32_t baud;
  speed_t constant;
};
constexpr Speed kSpeeds[] = {{9600, B9600},     {19200, B19200},     {38400, B38400},    {57600, B57600},
                             {115200, B115200}, {230400, B230400},   {460800, B460800},  {500000, B500000},
                             {921600, B921600}, {1000000, B1000000}, {2000000, B2000000}};

std::string system_error(const std::string& what) { return what + ": " + std::strerror(errno); }

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> look_up(const std::string& text, bool passive) {
  const auto parsed = host::parse_host_port(text);
  if (!parsed) return invalid_argument("\"" + text + "\": " + host::describe_bad_host_port(text));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = passive ? AI_PASSIVE | AI_NUMERICSERV : AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found);
  if (failed != 0) return unavailable("there is no address " + text + ": " + gai_strerror(failed));
  return AddressList(found, &freeaddrinfo);
}

Descriptor open_socket(const addrinfo& address) {
  return Descriptor(
      socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
}

std::string numeric_host(const sockaddr_storage& address, socklen_t length, std::string* port) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  const int failed =
      getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
                  service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (failed != 0) return "unknown";
  if (port != nullptr) *port = service.data();
  return host.data();
}

void send_at_once(const Descriptor& line) {
  const int on = 1;  // frames are small and wait for one another
  setsockopt(line.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool finish_connecting(const Descriptor& line, int timeout_ms) {
  pollfd polled{line.get(), POLLOUT, 0};
  if (poll(&polled, 1, timeout_ms) != 1) {
    errno = ETIMEDOUT;
    return false;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(line.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return false;
  errno = error;
  return error == 0;
}

LineState state_after(ssize_t result, std::size_t& count) {
  count = result > 0 ? static_cast<std::size_t>(result) : 0;
  if (result > 0) return LineState::kOpen;
  const bool later = result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return later ? LineState::kBlocked : LineState::kClosed;
}

}  // namespace

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<SerialPort> parse_serial_port(const std::string& text) {
  SerialPort port{.device = text};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    port.device = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port.baud);
    if (error != std::errc() || rest != end) port.baud = 0;
  }
  for (const Speed& speed : kSpeeds) {
    if (speed.baud == port.baud && !port.device.empty()) return port;
  }
  return invalid_argument(
      "\"" + text +
      "\" is no serial port: must be DEVICE[:BAUD], for instance /dev/ttyUSB0:115200, with "
      "a speed of 9600 to 2000000 that ports know");
}

Result<Descriptor> open_serial_port(const SerialPort& port) {
  Descriptor line(open(port.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!line.is_open()) return io_error(system_error("cannot open " + port.device));
  termios settings{};
  if (tcgetattr(line.get(), &settings) != 0)
    return io_error(system_error(port.device + " is no serial port"));
  cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | PARENB | CRTSCTS);
  for (const Speed& speed : kSpeeds) {
    if (speed.baud == port.baud) cfsetspeed(&settings, speed.constant);
  }
  if (tcsetattr(line.get(), TCSANOW, &settings) != 0) {
    return io_error(system_error(fmt::format("{} does not take {} baud", port.device, port.baud)));
  }
  return line;
}

Result<Descriptor> listen_tcp(const std::string& address) {
  auto found = look_up(address, true);
  if (!found) return found.error();
  for (const addrinfo* one = found->get(); one != nullptr; one = one->ai_next) {
    Descriptor listener = open_socket(*one);
    const int on = 1;
    if (!listener.is_open()) continue;
    setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener.get(), one->ai_addr, one->ai_addrlen) == 0 && listen(listener.get(), 64) == 0) {
      return listener;
    }
  }
  return io_error(system_error("cannot listen on " + address));
}

std::string local_address(const Descriptor& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return "unknown";
  std::string port;
  const std::string host = numeric_host(address, length, &port);
  return address.ss_family == AF_INET6 ? "[" + host + "]:" + port : host + ":" + port;
}

Accepted accept_tcp(const Descriptor& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Descriptor line(
      accept4(listener.get(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!line.is_open()) return {};
  send_at_once(line);
  return {std::move(line), numeric_host(address, length, nullptr)};
}

Result<Descriptor> connect_tcp(const std::string& address, int timeout_ms) {
  auto found = look_up(address, false);
  if (!found) return found.error();
  for (const addrinfo* one = found->get(); one != nullptr; one = one->ai_next) {
    Descriptor line = open_socket(*one);
    if (!line.is_open()) continue;
    const int connected = connect(line.get(), one->ai_addr, one->ai_addrlen);
    if (connected == 0 || (errno == EINPROGRESS && finish_connecting(line, timeout_ms))) {
      send_at_once(line);
      return line;
    }
  }
  return unavailable(system_error("no gateway answers at " + address));
}

LineState read_line(const Descriptor& line, std::uint8_t* bytes, std::size_t size, std::size_t& count) {
  return state_after(read(line.get(), bytes, size), count);
}

LineState write_line(const Descriptor& line, const std::uint8_t* bytes, std::size_t size,
                     std::size_t& count) {
  return state_after(write(line.get(), bytes, size), count);
}

}  // namespace sotto::client
