// A coordinator that sends devices whatever it likes: rosters of its own making, and what it can open from
// the answers it gets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "unit/crypto/session_relay.h"

namespace sotto::assurance {

using Message = std::vector<std::uint8_t>;

// A roster of these seats, in this order, for the device in seat `to`. A seat is a join message. Graph and
// threshold are those of the number of seats, or `graph`.
[[nodiscard]] Message roster_for(const std::vector<Message>& seats, std::uint16_t to,
                                 const secagg::RelayOptions& options, const secagg::SessionId& session,
                                 const std::optional<secagg::GraphParameters>& graph = std::nullopt);

// A join message with fresh keys, signed by `signer` for this plan.
[[nodiscard]] Message join_of(secagg::Signer& signer, const secagg::Endorsement& endorsement,
                              const crypto::Digest& plan_digest, std::uint64_t keys_seed);

// The shares a coordinator has collected, of both kinds, and the pair keys.
class Loot {
 public:
  explicit Loot(secagg::SessionRelay& relay) : relay_(relay) {}

  // The answer of a device to which everybody was alive and which was told these survivors.
  void add(std::uint16_t holder, Bytes survivors, Bytes answer);
  enum class Kind : std::uint8_t { kSelf, kMask };
  // Nothing with fewer shares than the threshold.
  [[nodiscard]] std::optional<secagg::Seed> open(std::uint16_t owner, Kind kind) const;
  // As either end released it, or from the neighbour's mask seed.
  [[nodiscard]] bool pair_key(std::uint16_t victim, std::uint16_t neighbour, secagg::MaskKey& key) const;
  // What is left of a vector without its self mask and its pair masks with `alive`. Nothing when a seed stays
  // closed.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> unmask(
      std::uint16_t victim, const std::vector<std::uint16_t>& alive) const;

 private:
  struct Held {
    std::vector<std::uint32_t> xs;
    std::vector<secagg::Share> shares;
  };
  secagg::SessionRelay& relay_;
  std::map<std::pair<std::uint16_t, Kind>, Held> held_;
  std::map<std::pair<std::uint16_t, std::uint16_t>, secagg::MaskKey> released_;  // by holder and the missing
};

}  // namespace sotto::assurance
