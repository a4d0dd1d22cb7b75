// The aggregator's side of a secure session, PROTOCOL.md section 6 (SecAgg+, Bell et al. 2020).
//
// Two sets decide what devices are asked for, and both are fixed once for everybody: who is alive when shares
// are delivered, and who of those is counted when collecting ends. So no participant can be named surviving
// to one device and missing to another. Devices of signed sessions do not take this on trust: they sign who
// is counted, and answer only when t of their neighbours have signed the same.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attended_session.h"
#include "neighbourhood.h"
#include "pair_claims.h"
#include "recovery.h"
#include "sotto/secagg/wire.h"
#include "unmasking.h"

namespace sotto::aggregator {

class SecureSession final : public AttendedSession {
 public:
  // Whether a full cohort of this plan finds a graph.
  [[nodiscard]] static Status check_plan(const proto::Plan& plan);

  // `authority` and `now` are looked at in signed sessions only.
  SecureSession(const proto::Plan& plan, Bytes plan_bytes, Random& random, const secagg::Trust& authority,
                std::uint64_t now);

  [[nodiscard]] std::vector<std::uint8_t> message_for(ParticipantIndex participant) const override;
  [[nodiscard]] Result<CohortSum> finish(Executor& executor) override;
  [[nodiscard]] std::vector<ParticipantIndex> dishonest() const override { return dishonest_; }

 private:
  // Of whom which seed must be rebuilt.
  enum class Need : std::uint8_t { kNothing, kSelfSeed, kMaskSeed };

  [[nodiscard]] Rejection accept_join(Bytes payload, Signature signature) override;
  [[nodiscard]] Rejection accept(ParticipantIndex from, Bytes payload) override;
  [[nodiscard]] Result<std::optional<proto::Step>> end_step() override;
  [[nodiscard]] std::string advice() const;
  [[nodiscard]] Result<std::optional<proto::Step>> end_join();
  [[nodiscard]] Result<std::optional<proto::Step>> end_share();
  [[nodiscard]] Result<std::optional<proto::Step>> end_collect();
  [[nodiscard]] Result<std::optional<proto::Step>> end_confirm();
  [[nodiscard]] Result<std::optional<proto::Step>> end_unmask();

  [[nodiscard]] bool is_signed() const { return secagg::is_signed(plan().aggregation.adversary); }
  [[nodiscard]] Rejection accept_credential(Bytes keys, const secagg::Credential& credential,
                                            Signature signature);
  [[nodiscard]] Rejection accept_keys(const secagg::AdvertisedKeys& keys);
  [[nodiscard]] Rejection accept_confirmation(std::size_t from, Bytes payload);
  void write_roster(const secagg::GraphParameters& graph);
  [[nodiscard]] std::vector<std::uint8_t> roster_for(std::size_t to) const;
  [[nodiscard]] std::vector<std::uint8_t> share_delivery(std::size_t to) const;
  [[nodiscard]] std::vector<std::uint8_t> unmask_request(std::size_t to) const;

  // Who shared and has enough neighbours that also did.
  [[nodiscard]] std::vector<bool> sustainable() const;
  [[nodiscard]] Need need_of(std::size_t owner) const;
  [[nodiscard]] std::size_t missing_neighbours(std::size_t of) const;
  // Whether everybody whose seed is needed has a threshold of neighbours among `holders`.
  [[nodiscard]] Status check_holders(const std::vector<bool>& holders) const;
  [[nodiscard]] Status too_few_shares(std::size_t owner, std::size_t shares) const;
  void sort_answers_by_owner();
  [[nodiscard]] PairClaims claims_of(std::size_t survivor, std::size_t rank, std::size_t missing) const;
  [[nodiscard]] secagg::PairTag tag_of(std::size_t sender, std::size_t rank) const;
  // Whether a counted neighbour of this missing one has not answered.
  [[nodiscard]] bool lacks_a_pair(std::size_t missing) const;

  // The secret that a seed stands for: of a missing participant the mask key, too dear to be derived twice.
  struct Recovered {
    RecoveredSeed seed;
    std::optional<crypto::X25519PrivateKey> mask_key;
  };
  // What the answers make of one participant, by itself so that all can be worked out at once.
  struct Unmasking {
    // The masks that counted vectors carry and no other counted vector cancels.
    std::vector<Mask> masks;
    std::vector<ParticipantIndex> liars;
    Status status;
  };
  [[nodiscard]] Recovered recover(std::size_t owner) const;
  [[nodiscard]] Result<Recovered> find_seed(std::size_t owner, std::vector<ParticipantIndex>& liars) const;
  [[nodiscard]] Status find_masks(std::size_t owner, Unmasking& found);
  [[nodiscard]] Status find_pair_masks(std::size_t missing, Unmasking& found);
  [[nodiscard]] Result<std::vector<Mask>> masks_to_remove(Executor& executor);

  secagg::RingLayout layout_;
  secagg::SessionContext context_;
  secagg::SessionId session_id_{};
  std::optional<crypto::X25519PrivateKey> probe_;  // agrees with every key once to find those of small order

  const std::vector<std::uint8_t> revoked_;  // what authority_ borrows
  secagg::Trust authority_;
  std::uint64_t now_;
  crypto::Es256Verifier verifier_;

  std::vector<secagg::AdvertisedKeys> keys_;
  std::set<crypto::X25519PublicKey> keys_seen_;
  std::vector<secagg::Credential> credentials_;  // signed sessions only
  std::set<crypto::Digest> identities_seen_;
  std::vector<std::uint8_t> roster_head_;  // what is equal for everybody
  crypto::Digest transcript_{};
  Neighbourhood graph_;

  std::vector<crypto::Digest> commitments_;
  // By sender: one per neighbour by rank, until collecting ends.
  std::vector<std::vector<std::uint8_t>> records_;
  std::vector<std::vector<std::uint8_t>> pair_tags_;  // by sender: one per neighbour by rank
  std::vector<bool> alive_;                           // delivered as alive
  std::vector<std::uint8_t> accumulator_;
  std::vector<bool> counted_;  // of the alive, those whose vector is in the accumulator
  std::uint32_t vectors_ = 0;
  std::vector<std::uint8_t> survivors_;  // the counted, as the bitmap that devices are sent
  crypto::Digest survivors_digest_{};
  std::vector<bool> confirmed_;
  std::vector<crypto::Es256Signature> confirmations_;  // of the confirmed
  std::vector<std::vector<std::uint8_t>> answers_;     // by survivor
  std::vector<HeldShares> held_;                       // by the seed's owner
  std::vector<std::vector<PairClaims>> claims_;  // by the missing one: a pair with each counted neighbour
  std::vector<ParticipantIndex> dishonest_;
};

}  // namespace sotto::aggregator
