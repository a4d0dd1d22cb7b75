#include "fleet/schedule.h"

#include <algorithm>
#include <numeric>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/stream_seed.h"

namespace sotto::simulation {

std::unique_ptr<crypto::SeededRandom> make_stream(std::uint64_t seed, const StreamName& name) {
  const crypto::StreamSeed stream(
      {.purpose = name.purpose, .seed = seed, .attempt = name.attempt, .device = name.device});
  return std::make_unique<crypto::SeededRandom>(stream.bytes());
}

std::vector<Appointment> schedule_round(const ScheduleOptions& options, std::uint32_t attempt) {
  SOTTO_CHECK(options.clients_per_round <= options.devices);
  const auto random = make_stream(options.seed, {.purpose = "schedule", .attempt = attempt});
  std::vector<std::size_t> devices(options.devices);
  std::iota(devices.begin(), devices.end(), std::size_t{0});
  for (std::size_t i = 0; i < options.clients_per_round; ++i) {
    std::swap(devices[i], devices[i + random->below(devices.size() - i)]);
  }
  devices.resize(options.clients_per_round);
  std::sort(devices.begin(), devices.end());

  std::vector<Appointment> appointments;
  for (const std::size_t device : devices) {
    Appointment appointment{.device = device, .drop = std::nullopt};
    const bool drops = random->uniform() < options.dropout;
    const auto point = static_cast<DropPoint>(random->below(5));
    if (drops) appointment.drop = point;
    appointments.push_back(appointment);
  }
  return appointments;
}

std::optional<proto::Step> step_to_drop(DropPoint point, const proto::AggregationSpec& session) {
  if (session.kind == proto::Aggregation::kOneShot) {  // the join is all there is
    return point < DropPoint::kAfterVector ? std::optional(proto::Step::kJoin) : std::nullopt;
  }
  const bool secure = session.kind == proto::Aggregation::kSecure;
  const bool confirms = secure && session.adversary == proto::Adversary::kSemiMalicious;
  switch (point) {
    case DropPoint::kBeforeKeys:
      return proto::Step::kJoin;
    case DropPoint::kAfterKeys:
      return secure ? proto::Step::kShare : proto::Step::kCollect;
    case DropPoint::kAfterShares:
      return proto::Step::kCollect;
    case DropPoint::kAfterVector:
      if (confirms) return proto::Step::kConfirm;
      if (secure) return proto::Step::kUnmask;
      return std::nullopt;
    case DropPoint::kAfterConfirm:
      if (secure) return proto::Step::kUnmask;
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sotto::simulation
