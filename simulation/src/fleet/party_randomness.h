// Where the parties of an experiment get what they must draw: keys, seeds of masks, session ids, waits.
//
// In one process everything follows from the experiment's seed, so that a run can be had again message by
// message. Each party has streams of its own, so neither the number of threads nor their order matters. Over
// gRPC the parties draw from the system: the coordinator may be one that real devices talk to, and keys that
// follow from a number somebody typed protect nobody. Nothing outside this folder can ask for the former.
#pragma once

#include <cstdint>
#include <memory>

#include "fleet/schedule.h"
#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/identity.h"

namespace sotto::simulation {

class PartyRandomness {
 public:
  virtual ~PartyRandomness() = default;
  // Shared, because only a shared_ptr knows how to end what has no virtual destructor.
  [[nodiscard]] virtual std::shared_ptr<Random> stream(const StreamName& name) const = 0;
  // Signs with `key`.
  [[nodiscard]] virtual std::shared_ptr<secagg::Signer> signer(crypto::Es256PrivateKey key) const = 0;
};

class ReplayedRandomness final : public PartyRandomness {
 public:
  explicit ReplayedRandomness(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] std::shared_ptr<Random> stream(const StreamName& name) const override;
  // The same signature each time: the nonces of ordinary ones are the system's, not to be had again.
  [[nodiscard]] std::shared_ptr<secagg::Signer> signer(crypto::Es256PrivateKey key) const override;

 private:
  std::uint64_t seed_;
};

class UnrepeatableRandomness final : public PartyRandomness {
 public:
  [[nodiscard]] std::shared_ptr<Random> stream(const StreamName& name) const override;
  [[nodiscard]] std::shared_ptr<secagg::Signer> signer(crypto::Es256PrivateKey key) const override;
};

}  // namespace sotto::simulation
