#include "sotto/server/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>

#include <optional>

#include "admin_service.h"
#include "door/guarded_port.h"
#include "fleet_service.h"
#include "rpc/admin_port.h"
#include "rpc/fleet_door.h"
#include "rpc/hand_over.h"
#include "rpc/tls_credentials.h"
#include "sotto/base/clock.h"
#include "sotto/base/limits.h"
#include "sotto/hosting/listen_address.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/grpc_lifetime.h"

namespace sotto::server {
namespace {

constexpr int kSecondMs = 1000;
constexpr int kMinuteMs = 60 * kSecondMs;
// A piece of a first model, and what is around it.
constexpr int kAdminMessageBytesMax = limits::kModelChunkBytes + 64 * 1024;
constexpr int kAdminStreamsMax = 64;

void set_health(grpc::Server& server, const char* service) {
  grpc::HealthCheckServiceInterface* health = server.GetHealthCheckService();
  if (health != nullptr) health->SetServingStatus(service, true);
}

// gRPC's defaults suit data centres. Devices vanish without a word, so dead connections are found while a
// call is open, idle ones are closed, and old ones are renewed.
void set_connection_policy(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  // TLS and the first bytes of HTTP/2: who opens a connection and says nothing loses it.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10 * kSecondMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kMinuteMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * kSecondMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 30 * kSecondMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMinuteMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 30 * kMinuteMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kMinuteMs);
}

Status check_door_limits(const DoorOptions& options) {
  if (options.calls_per_second > 0 && options.connections_per_second > 0 && options.calls_burst >= 1 &&
      options.connections_burst >= 1 && options.connections_per_address_max > 0) {
    return {};
  }
  return invalid_argument("calls and connections of an address: each limit must be above 0, and 1 at once");
}

DoorLimits door_limits(const GrpcServerOptions& options) {
  DoorLimits limits;
  limits.stranger_calls = {options.door.calls_per_second, options.door.calls_burst};
  limits.message_bytes_max = options.message_bytes_max;
  limits.bytes_max = options.door.bytes_max;
  limits.strangers_bytes_max = options.door.bytes_max / 32;
  limits.strangers_of_address_bytes_max = limits.strangers_bytes_max / 16;
  limits.hold = std::chrono::milliseconds(options.door.hold_ms);
  limits.log_interval_ms = options.door.log_interval_ms;
  return limits;
}

ConnectionLimits connection_limits(const DoorOptions& options) {
  return {.rate = {options.connections_per_second, options.connections_burst},
          .of_address_max = options.connections_per_address_max,
          .all_max = options.connections_max};
}

}  // namespace

Status check_door_options(const DoorOptions& door) {
  SOTTO_RETURN_IF_ERROR(check_door_limits(door));
  return CallerAddresses::parse(door.trusted_proxies, door.gateways).status();
}

class GrpcServer::Impl {
 public:
  Impl(const GrpcServerOptions& options, CallerAddresses addresses, CoordinatorLoop& loop)
      : options_(options),
        addresses_(std::move(addresses)),
        keeper_(door_limits(options), options.valid_pass),
        door_(keeper_, addresses_, clock_, options.message_bytes_max),
        fleet_(loop, door_, options),
        admin_(loop) {}
  ~Impl() { shutdown(std::chrono::milliseconds(0)); }

  Status listen_fleet(std::optional<hosting::ListeningSockets> opened);
  Status listen_admin();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  Status set_door_limits(const DoorOptions& door);
  void shutdown(std::chrono::milliseconds grace);

 private:
  const GrpcServerOptions options_;
  const SystemClock clock_;
  CallerAddresses addresses_;
  Doorkeeper keeper_;
  FleetDoor door_;
  FleetService fleet_;
  AdminService admin_;
  std::uint16_t port_ = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> fleet_server_;
  std::optional<GuardedPort> fleet_port_;
  std::unique_ptr<grpc::Server> admin_server_;
  std::unique_ptr<AdminPort> admin_port_;
};

Status GrpcServer::Impl::listen_fleet(std::optional<hosting::ListeningSockets> opened) {
  grpc::ServerBuilder builder;
  set_connection_policy(builder, options_);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
  builder.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
  builder.SetResourceQuota(grpc::ResourceQuota("fleet").Resize(options_.memory_bytes_max));
  builder.RegisterService(&fleet_);
  // With an acceptor gRPC says nothing about a key that it cannot use.
  if (options_.certificate_file.empty()) {
    SOTTO_RETURN_IF_ERROR(
        hosting::check_key_of_certificate(options_.certificate_pem, options_.private_key_pem));
  }
  Result<hosting::ListeningSockets> sockets =
      opened ? std::move(*opened) : hosting::ListeningSockets::open(options_.address);
  if (!sockets) return sockets.error();
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, options_.certificate_file.empty()
                         ? tls_credentials(options_.certificate_pem, options_.private_key_pem)
                         : tls_credentials(options_.certificate_file));
  fleet_server_ = builder.BuildAndStart();
  if (fleet_server_ == nullptr) {
    return io_error("cannot serve TLS on " + options_.address + ": gRPC refused to start");
  }
  fleet_port_.emplace(
      std::move(*sockets), GuardedPortParts{addresses_, keeper_, clock_},
      GuardedPortOptions{.limits = connection_limits(options_.door), .notice = options_.notice});
  port_ = fleet_port_->port();
  SOTTO_RETURN_IF_ERROR(fleet_port_->start(hand_over_to(*acceptor_)));
  set_health(*fleet_server_, v1::Fleet::service_full_name());
  return {};
}

Status GrpcServer::Impl::listen_admin() {
  auto port = AdminPort::open(options_.admin_socket);
  if (!port) return port.error();
  admin_port_ = std::move(*port);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kAdminMessageBytesMax);
  builder.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kAdminStreamsMax);
  builder.RegisterService(&admin_);
  admin_server_ = builder.BuildAndStart();
  if (admin_server_ == nullptr) return io_error("cannot serve administration: gRPC refused to start");
  admin_port_->start(
      [this](int connection) { grpc::AddInsecureChannelFromFd(admin_server_.get(), connection); });
  set_health(*admin_server_, v1::Admin::service_full_name());
  return {};
}

Status GrpcServer::Impl::set_door_limits(const DoorOptions& door) {
  SOTTO_RETURN_IF_ERROR(check_door_limits(door));
  const Result<CallerAddresses> addresses = CallerAddresses::parse(door.trusted_proxies, door.gateways);
  if (!addresses) return addresses.error();
  addresses_.take_over(*addresses);
  keeper_.limit_stranger_calls({door.calls_per_second, door.calls_burst});
  const ConnectionLimits connections = connection_limits(door);
  fleet_port_->limit_addresses(connections.rate, connections.of_address_max);
  return {};
}

void GrpcServer::Impl::shutdown(std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::system_clock::now() + grace;
  for (grpc::Server* server : {fleet_server_.get(), admin_server_.get()}) {
    if (server == nullptr || server->GetHealthCheckService() == nullptr) continue;
    server->GetHealthCheckService()->SetServingStatus(false);
  }
  if (fleet_port_) fleet_port_->stop();
  if (fleet_server_ != nullptr) fleet_server_->Shutdown(deadline);
  fleet_server_ = nullptr;
  if (admin_port_) admin_port_->stop();
  if (admin_server_ == nullptr) return;
  admin_server_->Shutdown(deadline);
  admin_server_ = nullptr;
}

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

std::uint16_t GrpcServer::port() const { return impl_->port(); }
Status GrpcServer::set_door_limits(const DoorOptions& door) { return impl_->set_door_limits(door); }
void GrpcServer::shutdown(std::chrono::milliseconds grace) { impl_->shutdown(grace); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(const GrpcServerOptions& options, CoordinatorLoop& loop,
                                                      std::optional<hosting::ListeningSockets> sockets) {
  SOTTO_RETURN_IF_ERROR(proto::keep_grpc_running());
  grpc::EnableDefaultHealthCheckService(true);
  // What is wrong with a message is told to its sender; the library would print it as well, each time.
  google::protobuf::SetLogHandler(nullptr);
  SOTTO_RETURN_IF_ERROR(check_door_options(options.door));
  Result<CallerAddresses> addresses =
      CallerAddresses::parse(options.door.trusted_proxies, options.door.gateways);
  if (!addresses) return addresses.error();
  auto impl = std::make_unique<Impl>(options, std::move(*addresses), loop);
  // The socket first: it also tells whether another coordinator uses this data directory.
  SOTTO_RETURN_IF_ERROR(impl->listen_admin());
  SOTTO_RETURN_IF_ERROR(impl->listen_fleet(std::move(sockets)));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

}  // namespace sotto::server
