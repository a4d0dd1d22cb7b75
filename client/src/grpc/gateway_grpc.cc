// A gateway's lines to the coordinator: transports that share one TLS connection.
#include <utility>

#include "device/device_options.h"
#include "sotto/client/gateway_server.h"
#include "sotto/client/grpc_transport.h"

namespace sotto::client {

Result<std::unique_ptr<GatewayServer>> start_gateway(const GatewayCoordinator& coordinator,
                                                     GatewayOptions options) {
  auto certificate = read_ca_file(coordinator.ca_file);
  if (!certificate) return certificate.error();
  const GrpcTransportOptions transport{.coordinator = coordinator.address,
                                       .ca_pem = std::move(*certificate),
                                       .ca_name = coordinator.ca_file,
                                       .private_channel = false};
  // So that a wrong address or certificate is this call's error and not the first board's.
  if (auto trial = make_grpc_transport(transport); !trial) return trial.error();
  options.make_transport = [transport] { return make_grpc_transport(transport); };
  return GatewayServer::start(std::move(options));
}

}  // namespace sotto::client
