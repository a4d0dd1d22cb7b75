// How much of a coordinator those may take who show neither a session nor a pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sotto::server {

struct DoorOptions {
  // Proxies whose word is taken for where a call comes from (x-forwarded-for), as ADDRESS or ADDRESS/BITS.
  // A call for which they name no address is counted as their own.
  std::vector<std::string> trusted_proxies{};
  // Addresses that no limit for an address holds, written alike: a factory's gateway, or this machine.
  std::vector<std::string> gateways{};
  // Calls of an address (of IPv6: a /64) without a session or pass: how many a second on the long run, above
  // 0, and how many at once, at least 1.
  double calls_per_second = 100;
  double calls_burst = 1000;
  // New connections of an address, and how many it may have open.
  double connections_per_second = 100;
  double connections_burst = 2000;
  std::size_t connections_per_address_max = 2000;
  // Connections altogether; 0: as many as the limit on open files leaves room for.
  std::size_t connections_max = 0;
  // Bytes of requests received and not yet answered, of everybody; strangers have a thirty-second of it.
  std::size_t bytes_max = std::size_t{512} << 20;
  std::int64_t hold_ms = 2000;            // how long a stranger waits to be told that it is turned away
  std::int64_t log_interval_ms = 60'000;  // between lines of one kind
};

}  // namespace sotto::server
