// Device over gRPC: options checked, CA read, the loop given a transport.
#include "device/device_loop.h"
#include "device/device_options.h"
#include "sotto/client/client.h"
#include "sotto/client/grpc_transport.h"
#include "sotto/client/link_transport.h"

namespace sotto::client {

Result<std::unique_ptr<Transport>> make_device_transport(const DeviceOptions& options) {
  if (!options.gateway.empty()) return make_link_transport({.gateway = options.gateway});
  auto certificate = read_ca_file(options.ca_file);
  if (!certificate) return certificate.error();
  return make_grpc_transport({.coordinator = options.coordinator,
                              .ca_pem = std::move(*certificate),
                              .ca_name = options.ca_file.string()});
}

Result<Device> Device::connect(const DeviceOptions& options, Trainer& trainer) {
  SOTTO_RETURN_IF_ERROR(check_device_options(options, trainer));
  if (!options.gateway.empty()) {
    auto behind = DeviceLoop::create(options, trainer, [link = LinkTransportOptions{options.gateway}] {
      return make_link_transport(link);
    });
    if (!behind) return behind.error();
    return Device(std::move(*behind));
  }
  auto certificate = read_ca_file(options.ca_file);
  if (!certificate) return certificate.error();
  const GrpcTransportOptions transport{.coordinator = options.coordinator,
                                       .ca_pem = std::move(*certificate),
                                       .ca_name = options.ca_file.string()};
  // Made once here so that a wrong address or certificate is this call's error and not the first round's.
  if (auto trial = make_grpc_transport(transport); !trial) return trial.error();
  auto loop = DeviceLoop::create(options, trainer, [transport] { return make_grpc_transport(transport); });
  if (!loop) return loop.error();
  return Device(std::move(*loop));
}

Device::Device(std::unique_ptr<DeviceLoop> loop) : loop_(std::move(loop)) {}
Device::~Device() = default;
Device::Device(Device&& other) noexcept = default;
Device& Device::operator=(Device&& other) noexcept = default;

Participation Device::take_part() { return loop_->take_part(); }
void Device::stop() { loop_->stop(); }

}  // namespace sotto::client
