// A gateway on this machine's lines: boards over TCP and serial ports, the coordinator over any transport
// (gateway.h is its core). One thread of its own.
//
// TCP boards are not encrypted and not known: whoever reaches the port can call the coordinator through it,
// as anybody who reaches the coordinator can. Listen on a closed network, or on loopback behind what does.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/client/gateway.h"

namespace sotto::client {

struct GatewayNotice {
  bool warning = false;
  std::string text;
};

struct GatewayOptions {
  std::string listen{};  // HOST:PORT for boards over TCP, port 0 takes a free one; empty: none
  std::vector<std::string> serial_ports{};  // DEVICE[:BAUD] each; one that is gone is tried again
  GatewayLimits limits{};
  std::size_t links_per_address_max = 64;         // of boards over TCP
  std::chrono::milliseconds first_frame{10'000};  // a TCP line on which none came in this time is closed
  std::chrono::milliseconds idle{3'600'000};      // ... and one on which nothing was said for this long
  // One for each line. Called on the gateway's thread.
  std::function<Result<std::unique_ptr<Transport>>()> make_transport{};
  std::function<void(const GatewayNotice&)> notice{};  // on the gateway's thread; may be empty
};

class GatewayServer {
 public:
  // Opens what it listens on: kInvalidArgument for an option that is none, kIo when a port cannot be had. A
  // serial port that is not there yet is none of these.
  [[nodiscard]] static Result<std::unique_ptr<GatewayServer>> start(GatewayOptions options);
  ~GatewayServer();  // stop()
  GatewayServer(const GatewayServer&) = delete;
  GatewayServer& operator=(const GatewayServer&) = delete;

  [[nodiscard]] const std::string& address() const;  // of the TCP port; empty without one
  // Takes no new calls. Any thread.
  void drain();
  // What was taken before is answered. Any thread.
  [[nodiscard]] bool drained() const;
  [[nodiscard]] GatewayCounts counts() const;
  // Ends the thread and closes all lines.
  void stop();

 private:
  class Loop;
  explicit GatewayServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

// gateway_grpc.cc, in client_grpc: a gateway whose lines share one connection to the coordinator.
struct GatewayCoordinator {
  std::string address;  // HOST:PORT
  std::string ca_file;
};
[[nodiscard]] Result<std::unique_ptr<GatewayServer>> start_gateway(const GatewayCoordinator& coordinator,
                                                                   GatewayOptions options);

}  // namespace sotto::client
