// The participant's side of a secure session (SecAgg+, Bell et al. 2020; Bonawitz et al. 2017) as a state
// machine over spans: no heap, no I/O, no clock. The firmware and the Linux client run this same code.
//
//   kAdvertise --advertise()--> kRoster --receive_roster()--> kDelivery --receive_delivery()--> kMask
//   --mask()--> kConfirm --receive_confirm()--> kUnmask --receive_unmask()--> kDone
//
// A board that cannot hold a roster calls take_roster(), end_roster() and share() instead of
// receive_roster(). Against a curious server there is no kConfirm. Against a semi-malicious one everybody
// is enrolled: neighbours prove who they are, and nobody answers kUnmask before t neighbours have signed
// the same set of survivors. Any Rejection, and any call out of order, moves the machine to kFailed for
// good: a device answers each step once. The session's secrets live in this object and are wiped with it,
// with kDone and with kFailed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "sotto/base/rejection.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/roster_reader.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

class Participant {
 public:
  enum class State : std::uint8_t {
    kAdvertise,
    kRoster,
    kDelivery,
    kMask,
    kConfirm,
    kUnmask,
    kDone,
    kFailed
  };

  // `slots` bounds the number of neighbours, `order` (one entry per participant) the cohort size. Both,
  // `random`, and `identity` with what it borrows must outlive the participant. Against a curious server
  // `identity` is not looked at and may be null.
  Participant(const SessionContext& context, const ParticipantRules& rules, const Identity* identity,
              std::span<NeighbourSlot> slots, std::span<std::uint16_t> order, Random& random);
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  // Step 1. Fresh session keys, signed where sessions are: join_bytes(rules.adversary) of `out`. kNotEligible
  // without an identity where one is needed.
  [[nodiscard]] Rejection advertise(MutableBytes out, std::size_t& written);
  // Step 2. Checks the roster, derives the neighbours, writes the shares message. `written` bytes of `out`
  // are used; shares_bytes(neighbours) are needed at most (kWrongLength when `out` is smaller).
  [[nodiscard]] Rejection receive_roster(Bytes roster, MutableBytes out, std::size_t& written);
  // The same in three calls: the roster's next bytes, in chunks of any size; the end of the message, with
  // `again` when it must be given once more from its beginning (twice in all); and then the shares message.
  [[nodiscard]] Rejection take_roster(Bytes chunk);
  [[nodiscard]] Rejection end_roster(bool& again);
  [[nodiscard]] Rejection share(MutableBytes out, std::size_t& written);
  // Step 3. Learns which neighbours are alive and keeps their share records.
  [[nodiscard]] Rejection receive_delivery(Bytes delivery);
  // Masks the ring vector in place. `layout` must be the plan's. The vector then is the collect message. On a
  // rejection the vector is wiped, so that an unmasked one cannot leave by mistake.
  [[nodiscard]] Rejection mask(const RingLayout& layout, MutableBytes ring);
  // Step 4, signed sessions only. Checks the set of survivors and signs it: once in a session. `out` has
  // room for a signature.
  [[nodiscard]] Rejection receive_confirm(Bytes request, MutableBytes out, std::size_t& written);
  // Last step. Answers the one unmask request of the session, which holds the set of survivors or, in signed
  // sessions, neighbours' signatures of it.
  [[nodiscard]] Rejection receive_unmask(Bytes request, MutableBytes out, std::size_t& written);

  [[nodiscard]] State state() const { return state_; }
  // Known from step 2 on.
  [[nodiscard]] const GraphParameters& graph() const { return graph_; }
  [[nodiscard]] ParticipantIndex index() const { return index_; }

 private:
  [[nodiscard]] bool is_signed() const { return secagg::is_signed(rules_.adversary); }
  [[nodiscard]] std::span<NeighbourSlot> neighbours() { return slots_.first(graph_.neighbours); }
  RosterReader& reader();
  Rejection agree_with_neighbours();
  void write_shares(ByteWriter& writer);
  void write_pair_tags(ByteWriter& writer);
  Rejection apply_masks(const RingLayout& layout, MutableBytes ring);
  Rejection check_survivors(Bytes survivors);
  [[nodiscard]] Rejection check_confirmations(Bytes request) const;
  [[nodiscard]] Share open_share(const NeighbourSlot& slot, const crypto::Hkdf& transcript) const;
  Rejection fail(Rejection reason);
  void wipe_secrets();

  SessionContext context_;
  ParticipantRules rules_;
  const Identity* identity_;
  std::span<NeighbourSlot> slots_;
  std::span<std::uint16_t> order_;
  Random& random_;
  State state_ = State::kAdvertise;
  std::optional<RosterReader> reader_;  // while the roster is read
  GraphParameters graph_;
  ParticipantIndex index_;
  AdvertisedKeys own_keys_;
  crypto::Digest transcript_{};
  crypto::Digest survivors_{};  // SHA-256 of the set that was signed
  Seed mask_seed_;
  Seed self_seed_;
  std::optional<crypto::X25519PrivateKey> channel_key_;
  std::optional<crypto::X25519PrivateKey> mask_key_;
};

}  // namespace sotto::secagg
