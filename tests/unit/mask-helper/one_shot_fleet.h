// A fleet of enrolled devices that have each sent their one message, and a coordinator that asks a helper
// about them, honestly or not.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/secagg/one_shot.h"
#include "support/fresh_key.h"

namespace sotto::mask_helper {

class OneShotFleet {
 public:
  // When endorsements end, in seconds after the plan was signed: device 1's within the plan's hour, the
  // coordinator's after it.
  static constexpr std::uint64_t kDeviceOneEnds = 2000;
  static constexpr std::uint64_t kCoordinatorEnds = 4000;

  // `helpers` are the keys, one or two, that the devices seal to and that the plan names; the first is the
  // one that is asked. The plan holds for an hour.
  OneShotFleet(std::size_t devices, std::vector<crypto::X25519PublicKey> helpers,
               std::uint64_t issued_at = 0);
  OneShotFleet(std::size_t devices, const crypto::X25519PublicKey& helper, std::uint64_t issued_at = 0)
      : OneShotFleet(devices, std::vector{helper}, issued_at) {}

  // What the helper is shown of a device that sends another message, for this plan.
  [[nodiscard]] secagg::SealedMask mask(std::size_t device, const proto::Plan& plan);
  // The sum of the masks of masks(): what the helper must answer when the plan names one.
  [[nodiscard]] std::vector<std::uint8_t> sum_of_masks(const std::vector<std::size_t>& devices) const;
  // When it names two: whether the tags of these devices' messages, and what is left of their masked zeros,
  // say that these are the two helpers' sums.
  [[nodiscard]] bool fits(const std::vector<std::size_t>& devices, Bytes first, Bytes second) const;

  // Masks in the order that the protocol asks for, or as they are.
  enum class Order : std::uint8_t { kByIdentity, kAsGiven };
  [[nodiscard]] std::vector<std::uint8_t> request(const proto::Plan& plan,
                                                  std::vector<secagg::SealedMask> masks,
                                                  Order order = Order::kByIdentity);
  // Of a plan that the coordinator signed, whatever its bytes are.
  [[nodiscard]] std::vector<std::uint8_t> request_of(Bytes plan, std::vector<secagg::SealedMask> masks,
                                                     Order order = Order::kByIdentity);
  // An honest request for these devices of masks().
  [[nodiscard]] std::vector<std::uint8_t> request(const std::vector<std::size_t>& devices);
  // This request, asked of the fleet's helper by another.
  [[nodiscard]] std::vector<std::uint8_t> asked_by(secagg::Signer& signer, Bytes request) const {
    return asked_of(helpers_[0], signer, request);
  }
  [[nodiscard]] static std::vector<std::uint8_t> asked_of(const crypto::X25519PublicKey& helper,
                                                          secagg::Signer& signer, Bytes request);

  [[nodiscard]] const crypto::Es256PublicKey& authority() const { return authority_.public_key(); }
  [[nodiscard]] crypto::Digest identity(std::size_t device) const {
    return secagg::identity_of(devices_[device].public_key());
  }
  [[nodiscard]] secagg::KeySigner& authority_signer() { return authority_; }
  [[nodiscard]] secagg::KeySigner& coordinator() { return coordinator_; }
  [[nodiscard]] secagg::KeySigner& device(std::size_t device) { return devices_[device]; }
  [[nodiscard]] const proto::Plan& plan() const { return plan_; }
  [[nodiscard]] const std::vector<secagg::SealedMask>& masks() const { return masks_; }

 private:
  [[nodiscard]] secagg::SealedMask draw(std::size_t device, const proto::Plan& plan,
                                        std::vector<std::uint8_t>& vector, secagg::MaskTags& tags);

  proto::Plan plan_;
  secagg::RingLayout layout_;
  std::vector<crypto::X25519PublicKey> helpers_;
  secagg::CheckKey check_key_;
  crypto::SeededRandom random_{11};
  secagg::KeySigner authority_{crypto::fresh_key()};
  secagg::KeySigner coordinator_{crypto::fresh_key()};
  std::vector<secagg::KeySigner> devices_;
  std::vector<secagg::SealedMask> masks_;                // by device, of plan()
  std::vector<std::vector<std::uint8_t>> mask_vectors_;  // the masks themselves
  std::vector<secagg::MaskTags> tags_;
};

}  // namespace sotto::mask_helper
