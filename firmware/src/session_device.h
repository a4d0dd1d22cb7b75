// A device of a session on a board: what a product's firmware would hold for it, with the stand-in backend
// (stand_in_crypto.cc). The cohort is one of 33 on the complete graph, so each has 32 neighbours.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/random.h"
#include "sotto/proto/plan.h"
#include "sotto/proto/step_machine.h"
#include "sotto/secagg/participant.h"

namespace sotto::board {

inline constexpr std::uint16_t kNeighbours = 32;
inline constexpr secagg::GraphParameters kGraph{
    .participants = kNeighbours + 1, .neighbours = kNeighbours, .threshold = 19};
// The keystream of a number.
class NumberedRandom final : public Random {
 public:
  explicit NumberedRandom(std::uint8_t number) {
    crypto::SecretBytes<crypto::kPrgKeyBytes> key;
    key.reveal_mutable()[0] = number;
    stream_.rekey(key);
  }
  void fill(MutableBytes out) override { stream_.read(out); }

 private:
  crypto::Keystream stream_{crypto::Prg::kChaCha20};
};

[[nodiscard]] inline crypto::Es256PrivateKey numbered_key(std::uint8_t number) {
  crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
  scalar.reveal_mutable()[0] = number;
  return *crypto::Es256PrivateKey::from_scalar(scalar);
}

// The authority has number 0.
class SessionDevice {
 public:
  SessionDevice(const proto::Plan& plan, Bytes plan_bytes, std::uint8_t number, secagg::Signer& authority)
      : signer_(numbered_key(number)),
        identity_{.signer = signer_,
                  .endorsement = secagg::endorse(authority, secagg::Role::kDevice, signer_.public_key(), {}),
                  .trust = authority.public_key()},
        keys_(number),
        steps_(plan, plan_bytes, {.identity = &identity_}, {.slots = slots_, .order = order_}, keys_) {}

  [[nodiscard]] proto::StepMachine& steps() { return steps_; }
  [[nodiscard]] crypto::Digest identity() const { return secagg::identity_of(signer_.public_key()); }

 private:
  secagg::KeySigner signer_;
  secagg::Identity identity_;
  NumberedRandom keys_;
  std::array<secagg::NeighbourSlot, kNeighbours> slots_;
  std::array<std::uint16_t, kGraph.participants> order_{};
  proto::StepMachine steps_;
};

}  // namespace sotto::board
