// The coordinator's gRPC services: Fleet over TLS for devices, Admin on a local socket for operators, and the
// standard health service on both. Bounds messages, streams, memory and connections, and what strangers may
// take of them; otherwise it holds no state of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/base/limits.h"
#include "sotto/base/result.h"
#include "sotto/hosting/listening_sockets.h"
#include "sotto/hosting/notice.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/door_options.h"

namespace sotto::server {

struct GrpcServerOptions {
  std::string address = "0.0.0.0:7443";  // host:port for devices; port 0 takes a free one
  std::string certificate_pem{};
  std::string_view private_key_pem{};  // borrowed until start() returns
  // Instead of both: a file that holds them, reread when it is replaced.
  std::filesystem::path certificate_file{};
  std::filesystem::path admin_socket{};  // created with mode 0600, removed at the end
  // Larger requests are refused before they are read.
  std::size_t message_bytes_max = limits::kMessageBytesMax;
  std::size_t memory_bytes_max = std::size_t{1} << 30;  // of gRPC's buffers, over all connections
  int streams_per_connection_max = 8;                   // a device needs one
  // A check-in that finds the event queue full is told to come back within this window.
  std::uint32_t overload_retry_min_ms = 5'000;
  std::uint32_t overload_retry_max_ms = 30'000;
  DoorOptions door{};
  // Whether a check-in's pass is one of this coordinator's and still holds; on any thread, quick. Empty: no
  // pass does.
  std::function<bool(Bytes pass)> valid_pass{};
  // What was turned away, and connections that become many; on a thread of the server's own. Quick; may be
  // empty.
  hosting::NoticeSink notice{};
};

// kInvalidArgument when addresses or limits of the door are unusable.
[[nodiscard]] Status check_door_options(const DoorOptions& door);

class GrpcServer final {
 public:
  // Listens at once, on options.address or, when there are any, on `sockets`. `loop` must outlive the server.
  // kIo when an address cannot be had (in use, not this machine's, not allowed), kInvalidArgument when an
  // option is unusable; says which and what to do.
  [[nodiscard]] static Result<std::unique_ptr<GrpcServer>> start(
      const GrpcServerOptions& options, CoordinatorLoop& loop,
      std::optional<hosting::ListeningSockets> sockets = std::nullopt);
  ~GrpcServer();  // shutdown(0)

  [[nodiscard]] std::uint16_t port() const;
  // Calls and connections of an address, from now on; the other options of the door stay as they were.
  // kInvalidArgument when they are unusable, and then nothing changes. Any thread.
  [[nodiscard]] Status set_door_limits(const DoorOptions& door);
  // Reports NOT_SERVING, accepts no new calls, lets open ones finish for `grace`, cancels the rest.
  // Idempotent; blocks.
  void shutdown(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
