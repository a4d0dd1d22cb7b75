// Uses the installed gRPC client as another project would, as far as that goes without a coordinator.
#include <cstdio>
#include <vector>

#include "sotto/client/client.h"
#include "sotto/client/trainer.h"

int main() {
  const sotto::client::Examples examples{.features = 1, .x = {-1.0f, 1.0f}, .y = {0, 1}};
  const auto trainer = sotto::client::make_builtin_trainer(examples);
  sotto::client::DeviceOptions options;
  options.coordinator = "localhost:1";
  options.ca_file = "/nonexistent/ca.pem";
  options.device_id = "consumer";
  options.population = "package";
  const auto device = sotto::client::Device::connect(options, *trainer);
  if (device.has_value() || device.error().message().find("ca.pem") == std::string::npos) {
    std::fprintf(stderr, "consumer: connecting without a CA file did not say so\n");
    return 1;
  }
  std::printf("consumer: the installed client says: %s\n", device.error().message().c_str());
}
