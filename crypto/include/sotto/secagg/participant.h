// The participant's side of a secure session (SecAgg+, Bell et al. 2020; Bonawitz et al. 2017) as a state
// machine over spans: no heap, no I/O, no clock. The firmware and the Linux client run this same code.
//
//   kAdvertise --advertise()--> kRoster --receive_roster()--> kDelivery --receive_delivery()--> kMask
//   --mask()--> kUnmask --receive_unmask()--> kDone
//
// Any Rejection, and any call out of order, moves the machine to kFailed for good: a device answers each step
// once. The session's secrets live in this object and are wiped with it, with kDone and with kFailed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

// Per-neighbour working memory, supplied by the caller so that a board chooses its largest cohort. Wiped by
// Participant.
struct NeighbourSlot {
  std::uint16_t index = 0;
  bool alive = false;
  crypto::X25519PublicKey mask_key{};
  crypto::SecretBytes<crypto::kX25519Bytes>
      channel_secret;  // agreed once, for the records of both directions
  std::array<std::uint8_t, kShareRecordBytes> record{};
};

// What the device itself demands of a session, from its plan and its own policy.
struct ParticipantRules {
  std::uint16_t cohort_min = 3;           // refuse smaller cohorts
  std::uint16_t participants_max = 257;   // the plan's ring is sized for this many
  bool allow_minority_threshold = false;  // accept t <= k/2 (curious-server plans only)
};

class Participant {
 public:
  enum class State : std::uint8_t { kAdvertise, kRoster, kDelivery, kMask, kUnmask, kDone, kFailed };

  // `slots` bounds the number of neighbours, `order` (one entry per participant) the cohort size. Both, and
  // `random`, must outlive the participant.
  Participant(const SessionContext& context, const ParticipantRules& rules, std::span<NeighbourSlot> slots,
              std::span<std::uint16_t> order, Random& random);
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  // Step 1. Fresh session keys.
  [[nodiscard]] Rejection advertise(std::span<std::uint8_t, kAdvertiseBytes> out);
  // Step 2. Checks the roster, derives the neighbours, writes the shares message. `written` bytes of `out`
  // are used; shares_bytes(neighbours) are needed at most (kWrongLength when `out` is smaller).
  [[nodiscard]] Rejection receive_roster(Bytes roster, MutableBytes out, std::size_t& written);
  // Step 3. Learns which neighbours are alive and keeps their share records.
  [[nodiscard]] Rejection receive_delivery(Bytes delivery);
  // Masks the ring vector in place. `layout` must be the plan's. The vector then is the collect message. On a
  // rejection the vector is wiped, so that an unmasked one cannot leave by mistake.
  [[nodiscard]] Rejection mask(const RingLayout& layout, MutableBytes ring);
  // Step 4. Answers the one unmask request of the session.
  [[nodiscard]] Rejection receive_unmask(Bytes request, MutableBytes out, std::size_t& written);

  [[nodiscard]] State state() const { return state_; }
  // Known from step 2 on.
  [[nodiscard]] const GraphParameters& graph() const { return graph_; }
  [[nodiscard]] ParticipantIndex index() const { return index_; }

 private:
  Rejection check_roster(const Roster& roster);
  Rejection choose_neighbours(const Roster& roster);
  Rejection write_shares(MutableBytes out);
  Rejection apply_masks(const RingLayout& layout, MutableBytes ring);
  [[nodiscard]] Rejection check_unmask(Bytes survivors, Bytes missing) const;
  [[nodiscard]] Share open_share(const NeighbourSlot& slot, const crypto::Hkdf& transcript,
                                 bool survives) const;
  Rejection fail(Rejection reason);
  void wipe_secrets();

  SessionContext context_;
  ParticipantRules rules_;
  std::span<NeighbourSlot> slots_;
  std::span<std::uint16_t> order_;
  Random& random_;
  State state_ = State::kAdvertise;
  GraphParameters graph_;
  std::uint8_t ring_bits_ = 0;
  ParticipantIndex index_;
  AdvertisedKeys own_keys_;
  crypto::Digest transcript_{};
  Seed mask_seed_;
  Seed self_seed_;
  std::optional<crypto::X25519PrivateKey> channel_key_;
  std::optional<crypto::X25519PrivateKey> mask_key_;
};

}  // namespace sotto::secagg
