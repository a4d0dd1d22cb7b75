#include "sotto/host/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <system_error>

namespace sotto::host {
namespace {

constexpr std::size_t kPortDigitsMax = 5;

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  if (digits.empty() || digits.size() > kPortDigitsMax) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  const std::string_view unfit = in_brackets ? "/[]" : ":/[]";
  if (host.empty() || host.find_first_of(unfit) != std::string_view::npos) return std::nullopt;
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  return HostPort{std::string(host), *port};
}

std::string describe_bad_host_port(std::string_view text) {
  const std::string advice = "an IPv6 address goes into brackets, with the port behind them: [";
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && is_ipv6(text.substr(0, colon)) &&
      parse_port(text.substr(colon + 1))) {
    return advice + std::string(text.substr(0, colon)) + "]" + std::string(text.substr(colon));
  }
  if (is_ipv6(text)) return advice + std::string(text) + "]:7443";
  return "must be HOST:PORT with a port of 0 .. 65535, for instance coordinator.example:7443";
}

std::string to_string(const HostPort& address) {
  const bool needs_brackets = address.host.find(':') != std::string::npos;
  const std::string host = needs_brackets ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

}  // namespace sotto::host
