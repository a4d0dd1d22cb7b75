// Who takes part in a round and who drops out where: a function of the seed and the round, and of nothing
// else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "sotto/crypto/primitives.h"
#include "sotto/proto/messages.h"

namespace sotto::simulation {

// Where in the protocol a device leaves.
enum class DropPoint : std::uint8_t { kBeforeKeys, kAfterKeys, kAfterShares, kAfterVector, kAfterConfirm };

struct Appointment {
  std::size_t device = 0;
  std::optional<DropPoint> drop;
};

struct ScheduleOptions {
  std::size_t devices = 0;
  std::size_t clients_per_round = 0;
  double dropout = 0;
  std::uint64_t seed = 0;
};

// The devices of round `attempt` (from 1), ascending.
[[nodiscard]] std::vector<Appointment> schedule_round(const ScheduleOptions& options, std::uint32_t attempt);

// An independent stream for one purpose of one device in one round.
struct StreamName {
  std::string_view purpose;
  std::uint32_t attempt = 0;
  std::size_t device = 0;
};
[[nodiscard]] std::unique_ptr<crypto::SeededRandom> make_stream(std::uint64_t seed, const StreamName& name);

// The step a device leaves before. Sessions that lack a step leave at the one that keeps the set of summed
// devices the same; nullopt when the drop-out comes after everything such a session asks of a device.
[[nodiscard]] std::optional<proto::Step> step_to_drop(DropPoint point, const proto::AggregationSpec& session);

}  // namespace sotto::simulation
