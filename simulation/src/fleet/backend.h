// Where a fleet finds its coordinator: transports for the devices, administration for the experiment, and
// time. Used by one thread, the one that drives the fleet.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fleet/mailbox.h"
#include "fleet/party_randomness.h"
#include "sotto/base/clock.h"
#include "sotto/base/executor.h"
#include "sotto/client/transport.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"
#include "sotto/simulation/experiment.h"

namespace sotto::simulation {

class Backend {
 public:
  virtual ~Backend() = default;

  // `initial`: version 0 of the model; empty: the coordinator's own.
  [[nodiscard]] virtual Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec,
                                                              std::span<const float> initial) = 0;
  // Newest first.
  [[nodiscard]] virtual Result<std::vector<proto::RoundRecord>> rounds(const std::string& task,
                                                                       std::uint32_t count_max) = 0;
  // The committed parameters as their bytes (little-endian float32).
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> model(const std::string& task,
                                                                ModelVersion version) = 0;

  // The connection of device `device`, made on first use; lives as long as the backend.
  [[nodiscard]] virtual client::Transport& transport(std::size_t device) = 0;

  // Who device `device` is, endorsed by the coordinator's authority; lives as long as the backend.
  [[nodiscard]] virtual const secagg::Identity& identity(std::size_t device) = 0;

  // What the devices draw their session keys from.
  [[nodiscard]] virtual const PartyRandomness& randomness() const = 0;

  // The mask helpers that devices trust.
  [[nodiscard]] virtual std::vector<crypto::X25519PublicKey> helper_keys() const = 0;

  [[nodiscard]] virtual Time now() const = 0;
  // Lets time pass until something is in `mailbox`, at the latest until `until`.
  virtual void wait(Time until, Mailbox& mailbox) = 0;
};

// The coordinator core in this thread, in virtual time; what all parties draw follows from the seed.
// `executor` must outlive the backend.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_in_process_backend(Executor& executor, std::uint64_t seed,
                                                                       std::size_t mask_helpers);

// gRPC over loopback TLS: the given coordinator, or one of its own on a free port in a temporary directory.
struct GrpcBackendOptions {
  ExternalCoordinator external;
  std::size_t threads = 1;
  std::size_t mask_helpers = 0;  // that the coordinator of its own has
};
[[nodiscard]] Result<std::unique_ptr<Backend>> make_grpc_backend(const GrpcBackendOptions& options);

}  // namespace sotto::simulation
