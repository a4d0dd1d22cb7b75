// A stand-in for the aggregator: carries messages between real participants and undoes the masks by hand,
// straight from PROTOCOL.md. Slow and trusting; for tests of the participant only.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "sotto/secagg/participant.h"
#include "support/enrolment.h"

namespace sotto::secagg {

using IndexSet = std::set<std::uint16_t>;

struct RelayOptions {
  std::uint16_t participants = 5;
  Adversary adversary = Adversary::kSemiMalicious;
  float corrupt_fraction = 0.1f;
  float dropout_fraction = 0.1f;
  std::optional<GraphParameters> graph{};  // another than these give
  crypto::Prg prg = crypto::Prg::kChaCha20;
  std::uint16_t cohort_min = 3;
  std::uint16_t participants_max = 257;
  std::size_t lanes = 40;
  std::uint64_t seed = 1;

  [[nodiscard]] ParticipantRules rules() const;
};

// One device. `written` parts of messages are kept as the relay would receive them.
struct RelayDevice {
  RelayDevice(const SessionContext& context, const RelayOptions& options, std::uint64_t seed);

  Enrolment enrolment;
  crypto::SeededRandom random;
  std::vector<NeighbourSlot> slots;
  std::vector<std::uint16_t> order;
  Participant participant;
  std::vector<std::uint8_t> join;
  std::vector<std::uint8_t> shares;
  std::vector<std::uint8_t> values;  // what it contributes, one byte per lane
  std::vector<std::uint8_t> ring;
  std::vector<std::uint8_t> signature;
  std::vector<std::uint8_t> answer;
};

// What the device answers to a roster that comes in chunks of this size, as often as it asks for it.
Rejection receive_in_chunks(Participant& participant, Bytes roster, std::size_t chunk_bytes, MutableBytes out,
                            std::size_t& written);

class SessionRelay {
 public:
  explicit SessionRelay(const RelayOptions& options);

  [[nodiscard]] std::size_t size() const { return devices_.size(); }
  [[nodiscard]] RelayDevice& device(std::uint16_t index) { return *devices_[index]; }
  [[nodiscard]] const RingLayout& layout() const { return layout_; }
  [[nodiscard]] const SessionContext& context() const { return context_; }
  [[nodiscard]] const crypto::Digest& transcript() const { return transcript_; }
  [[nodiscard]] IndexSet everybody() const;

  // Collects every device's join message; the roster follows from them.
  void advertise_all();
  [[nodiscard]] std::vector<std::uint8_t> roster_message(std::uint16_t to) const;
  [[nodiscard]] const GraphParameters& graph() const { return graph_; }
  [[nodiscard]] bool is_signed() const { return secagg::is_signed(options_.adversary); }
  [[nodiscard]] std::vector<std::uint16_t> neighbours(std::uint16_t index) const;

  // One device's step. What it produced counts only when the step was accepted.
  Rejection share(std::uint16_t index);
  Rejection deliver(std::uint16_t index);
  Rejection mask(std::uint16_t index);
  Rejection confirm(std::uint16_t index);  // nothing to do in sessions that are not signed
  Rejection unmask(std::uint16_t index);
  // Steps of several devices; each must be accepted.
  void share_all(const IndexSet& devices);
  void deliver_all(const IndexSet& devices);
  void mask_all(const IndexSet& devices);
  void confirm_all(const IndexSet& devices);
  void unmask_all(const IndexSet& devices);

  [[nodiscard]] std::vector<std::uint8_t> delivery_for(std::uint16_t index) const;
  [[nodiscard]] std::vector<std::uint8_t> survivors() const;
  [[nodiscard]] std::vector<std::uint8_t> unmask_request_for(std::uint16_t index) const;

  // The pair key in the answer of `holder`; the tag of the key it shares with another in its shares message.
  [[nodiscard]] std::vector<std::uint8_t> released_key(std::uint16_t holder, std::uint16_t missing) const;
  [[nodiscard]] std::vector<std::uint8_t> pair_tag_of(std::uint16_t sender, std::uint16_t other) const;

  // The sum of the vectors delivered, from the answers given. Nothing when too few matching shares open a
  // seed or one does not match what its owner promised.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> recover() const;
  // The sum of the plain values of those who delivered a vector.
  [[nodiscard]] std::vector<std::uint32_t> plain_sum() const;

 private:
  [[nodiscard]] Roster roster() const;  // its head only
  [[nodiscard]] std::ptrdiff_t place_in_answer(std::uint16_t holder, std::uint16_t owner) const;
  [[nodiscard]] bool rebuild_seed(std::uint16_t owner, Seed& seed) const;
  bool remove_self_mask(std::uint16_t owner, MutableBytes sum) const;
  bool remove_pair_masks(std::uint16_t missing, MutableBytes sum) const;

  RelayOptions options_;
  GraphParameters graph_;
  RingLayout layout_;
  SessionContext context_;
  std::vector<std::unique_ptr<RelayDevice>> devices_;
  std::vector<std::uint8_t> entries_;
  crypto::Digest transcript_{};
  std::vector<std::uint16_t> order_;
  IndexSet shared_;
  IndexSet delivered_;  // a vector
  IndexSet confirmed_;
  IndexSet answered_;
};

}  // namespace sotto::secagg
